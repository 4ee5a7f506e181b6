
// ---- The rows of the files: each gets a checkbox and a menu; what one is about is renamed, moved, copied and deleted

/** The path of what gets the focus once it is in the listing. */
let next = "";
/** The link of the row that has the focus, or has lost it because the listing was replaced. */
let held = null;
/** The table whose rows have been equipped. */
let equipped = null;

const same = (one, other) => one.replace(/\/$/, "") === other.replace(/\/$/, "");
/** A path in the form in which it is compared: links and scripts do not encode the same characters. */
const plainPath = (path) => path.split("/").map((part) => encodeURIComponent(nameOf(part))).join("/");
const shownLinks = () => [...document.querySelectorAll("#files tbody tr:not([hidden]) a")];
const linkTo = (path) => shownLinks().find((link) => same(plainPath(link.pathname), plainPath(path)));
const shownName = (link) => $("bdi", link).textContent;
const slashOf = (link) => (link.pathname.endsWith("/") ? "/" : "");
const rowAt = (target) => target.closest?.("#files tbody tr");

/** Adds the checkboxes and the buttons to the rows, some at a time. */
async function equip() {
  const table = (equipped = $("#files"));
  refocus();
  forgetGone();
  equipHead(table);
  for (const chunk of [...table.tBodies]) {
    for (const row of chunk.rows) {
      const [cell, name] = [row.cells[0], shownName(row)];
      cell.prepend(checkbox(row, name));
      cell.append(more(name));
    }
    await new Promise((done) => setTimeout(done));
    if (!table.isConnected) return;
  }
}

function more(name) {
  const opener = make("button", { type: "button", className: "more", ariaLabel: fill(words.actions_for, { name }) });
  opener.setAttribute("popovertarget", "menu");
  return opener;
}

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

function rename(link) {
  const [from, old, slash] = [link.pathname, nameOf(link.pathname), slashOf(link)];
  const act = (name, show) => moved(from, here + encode(name) + slash, fill(words.renamed, { old, name }), show);
  askName(fill(words.rename_name, { name: shownName(link) }), words.rename, old, act);
}

const folderName = (folder) => (folder === root ? words.files : nameOf(folder));

function move(link) {
  const [from, old] = [link.pathname, shownName(link)];
  const last = from.slice(here.length);
  chooseFolder(fill(words.move_name, { name: old }), words.move_here, [from], (folder, show) => moved(from, folder + last, fill(words.moved, { name: old, folder: folderName(folder) }), show));
}

function copy(link) {
  const [from, name] = [link.pathname, shownName(link)];
  chooseFolder(fill(words.copy_name, { name }), words.copy_here, [from], async (folder, show) => {
    const to = folder + from.slice(here.length);
    const answer = await call(show, "COPY", from, { Destination: to, Overwrite: "F" });
    changed();
    const back = async (show) => {
      const answer = await call(show, "DELETE", to);
      changed();
      if (answer) tell(fill(words.gone_again, { name }));
      return answer;
    };
    if (answer) tell(fill(words.copied_name, { name, folder: folderName(folder) }), may.has("restore") ? back : null);
    return Boolean(answer);
  });
}

function remove(link) {
  const [path, name] = [link.pathname, shownName(link)];
  if (may.has("restore")) return void removeNow(path, name, (why) => tell(why));
  const hint = make("p", { className: "hint" }, words.keeps_nothing);
  open(fill(words.delete_for_good_name, { name }), words.delete, (show) => removeNow(path, name, show), hint);
}

async function removeNow(path, name, show) {
  const all = shownLinks();
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

async function createFolder(name, show) {
  const path = `${here}${encode(name)}/`;
  next = path;
  const answer = await call(show, "MKCOL", path);
  if (!answer) next = "";
  changed();
  const back = (show) => removeEmpty(path, name, show);
  if (answer) tell(fill(words.created_name, { name }), may.has("remove") && may.has("restore") ? back : null);
  return Boolean(answer);
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

/** Creates an empty text file. Returns whether it was created. */
async function createFile(name, show) {
  const path = here + encode(name);
  next = path;
  const answer = await call(show, "PUT", path, { "If-None-Match": "*" });
  if (!answer) next = "";
  changed();
  if (answer) tell(fill(words.created_name, { name }));
  return Boolean(answer);
}

if ($("#files")) {
  refocus = () => {
    if ($("dialog[open]") || isTyping(document.activeElement)) return;
    const found = next ? linkTo(next) : null;
    if (found) {
      next = "";
      found.focus();
    } else if (held && document.activeElement === document.body) {
      // The user may have scrolled away from that row.
      linkTo(held.pathname)?.focus({ preventScroll: true });
    }
  };

  document.addEventListener("focusin", ({ target }) => {
    // A menu or a dialog about a row gives the focus back.
    if (target.closest?.("dialog, [popover]")) return;
    const row = rowAt(target);
    held = row ? linkIn(row) : null;
  });
  if (may.has("add")) {
    $("#new-file").onclick = () => askName(words.new_file, words.create, `${words.new_file}.txt`, createFile, true);
    $("#new-folder").onclick = () => askName(words.new_folder, words.create, "", createFolder);
  }
}
