
// ---- What is in the folder: it is renamed, moved and deleted
if ($("#files")) {
  const menu = make("div", { id: "menu", popover: "auto" });
  /** The link of the row that the menu is about. */
  let chosen = null;
  let table = null;
  /** The path of what gets the focus once it is in the listing. */
  let next = "";
  /** The link of the row whose button has the focus, or has lost it because the listing was replaced. */
  let held = null;

  const same = (one, other) => one.replace(/\/$/, "") === other.replace(/\/$/, "");
  /** A path in the form in which it is compared: links and scripts do not encode the same characters. */
  const plainPath = (path) => path.split("/").map((part) => encodeURIComponent(nameOf(part))).join("/");
  const links = () => [...document.querySelectorAll("#files tbody tr:not([hidden]) a")];
  const linkTo = (path) => links().find((link) => same(plainPath(link.pathname), plainPath(path)));
  const shownName = (link) => $("bdi", link).textContent;

  refocus = () => {
    if ($("dialog[open]") || document.activeElement.matches("input")) return;
    const found = linkTo(next);
    if (found) next = "";
    const lost = document.activeElement === document.body && held;
    (found ?? (lost ? linkTo(held.pathname) : null))?.focus();
  };

  /** Adds the buttons to the rows, some at a time. */
  async function equip() {
    table = $("#files");
    const own = table;
    refocus();
    if (!may.has("remove")) return;
    for (const chunk of [...own.tBodies]) {
      for (const row of chunk.rows) row.cells[0].append(more(row));
      await new Promise((done) => setTimeout(done));
      if (!own.isConnected) return;
    }
  }

  function more(row) {
    const opener = make("button", { type: "button", className: "more", ariaLabel: fill(words.change_name, { name: shownName(row) }) });
    opener.setAttribute("popovertarget", menu.id);
    return opener;
  }

  // The menu

  const item = (text, act) => button(text, () => (menu.hidePopover(), act(chosen)), "");
  if (may.has("add")) menu.append(item(words.rename, rename));
  menu.append(item(words.move, move), item(words.delete, remove));
  menu.firstChild.autofocus = true;
  $("main").append(menu);

  /** Puts the menu below its button. */
  function place(opener) {
    const { right, bottom } = opener.getBoundingClientRect();
    menu.style.top = `${bottom}px`;
    menu.style.right = `${document.documentElement.clientWidth - right}px`;
  }

  // Where there is no space below the button, it is above.
  menu.addEventListener("toggle", () => {
    const { height, bottom } = menu.getBoundingClientRect();
    if (bottom > innerHeight) menu.style.top = `${Math.max(0, $(".more", chosen.parentNode).getBoundingClientRect().top - height)}px`;
  });

  menu.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...menu.children];
    items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
  };
  addEventListener("scroll", () => menu.matches(":popover-open") && menu.hidePopover(), { passive: true });

  document.addEventListener("click", ({ target }) => {
    if (!target.matches("#files .more")) return;
    chosen = $("a", target.parentNode);
    place(target);
  }, true);
  document.addEventListener("focusin", ({ target }) => {
    held = target.matches("#files .more") ? $("a", target.parentNode) : null;
  });
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest("#files tbody tr");
    const act = { F2: may.has("add") && rename, Delete: remove }[event.key];
    if (!row || !act || !may.has("remove") || event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    act($("a", row));
  });

  // The changes

  /** Moves something to where nothing is. */
  async function moveTo(from, to, show) {
    next = to;
    const answer = await call(show, "MOVE", from, { Destination: to, Overwrite: "F" });
    if (!answer) next = "";
    changed();
    return answer;
  }

  /** Moves something, says so, and offers to move it back. Returns whether it was moved. */
  async function moved(from, to, text, show) {
    const answer = await moveTo(from, to, show);
    if (!answer) return false;
    tell(text, async (show) => {
      const answer = await moveTo(to, from, show);
      if (answer) tell(fill(words.is_back, { name: nameOf(from) }));
      return answer;
    });
    return true;
  }

  const slashOf = (link) => (link.pathname.endsWith("/") ? "/" : "");

  function rename(link) {
    const [from, old, slash] = [link.pathname, nameOf(link.pathname), slashOf(link)];
    const act = (name, show) => moved(from, here + encode(name) + slash, fill(words.renamed, { old, name }), show);
    askName(fill(words.rename_name, { name: shownName(link) }), words.rename, old, act);
  }

  function move(link) {
    const [from, old] = [link.pathname, shownName(link)];
    const last = from.slice(here.length);
    chooseFolder(fill(words.move_name, { name: old }), from, (folder, show) => moved(from, folder + last, fill(words.moved, { name: old, folder: folder === root ? words.files : nameOf(folder) }), show));
  }

  function remove(link) {
    const [path, name] = [link.pathname, shownName(link)];
    if (may.has("restore")) return void removeNow(path, name, (why) => tell(why));
    const hint = make("p", { className: "hint" }, words.keeps_nothing);
    open(fill(words.delete_for_good_name, { name }), words.delete, (show) => removeNow(path, name, show), hint);
  }

  async function removeNow(path, name, show) {
    const all = links();
    const at = all.indexOf(linkTo(path));
    // The next row has the focus, so the key can be pressed again.
    if (!$("dialog[open]")) (all[at + 1] ?? all[at - 1])?.focus();
    const answer = await call(show, "DELETE", path);
    changed();
    if (!answer) return false;
    const id = answer.headers.get("Wharf-Trash");
    const back = async (show) => {
      next = path;
      return restore(id, show);
    };
    tell(fill(words.deleted, { name }), id ? back : null);
    return true;
  }

  if (may.has("add")) {
    $("#new-file").onclick = () => askName(words.new_file, words.create, `${words.new_file}.txt`, async (name, show) => {
      const path = here + encode(name);
      next = path;
      const answer = await call(show, "PUT", path, { "If-None-Match": "*" });
      if (!answer) next = "";
      changed();
      if (answer) tell(fill(words.created_name, { name }));
      return Boolean(answer);
    }, true);
    $("#new-folder").onclick = () => askName(words.new_folder, words.create, "", async (name, show) => {
      const path = `${here}${encode(name)}/`;
      next = path;
      const answer = await call(show, "MKCOL", path);
      if (!answer) next = "";
      changed();
      const back = (show) => removeEmpty(path, name, show);
      if (answer) tell(fill(words.created_name, { name }), may.has("remove") && may.has("restore") ? back : null);
      return Boolean(answer);
    });
  }

  /** Removes a folder that was created here, unless something was saved in it since. Returns whether it was removed. */
  async function removeEmpty(path, name, show) {
    const list = await call(show, "GET", `${path}?list`, { Accept: "application/json" });
    if (!list) return false;
    if ((await list.json()).entries.length) return void show(fill(words.not_empty_any_more, { name }));
    const answer = await call(show, "DELETE", path);
    changed();
    if (answer) tell(fill(words.gone_again, { name }));
    return Boolean(answer);
  }

  new MutationObserver(() => $("#files") !== table && equip()).observe($("main"), { childList: true });
  equip();
}
