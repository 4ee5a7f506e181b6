
// ---- The dialog for choosing a folder

/** The path of the folder that is the root of what the visitor sees. */
const root = own.slice(0, -".wharf/".length);

/**
 * Lets the user choose a folder. `act` gets its path and a function that shows an error. What is moved or copied, whose
 * paths are given, cannot be chosen.
 */
function chooseFolder(title, verb, taken, act) {
  let at = here;
  const place = make("p", { className: "place", tabIndex: -1 });
  const list = make("ul");
  const { send, failure } = open(title, verb, (show) => act(at, show), place, list);

  async function enter(path, isStart) {
    const answer = await call((why) => (failure.textContent = why), "GET", `${path}?list`, { Accept: "application/json" });
    if (!answer) return;
    failure.textContent = "";
    at = path;
    const { entries } = await answer.json();
    const folders = entries.map(({ name, kind, href }) => [name, kind, new URL(href, new URL(path, location)).pathname]);
    const rows = folders.filter(([, kind, path]) => kind === "directory" && !taken.includes(path)).map(([name, , path]) => row(name, path));
    const up = at === root ? [] : [row(words.up, new URL("..", new URL(at, location)).pathname)];
    list.replaceChildren(...up, ...rows);
    if (!list.firstChild) list.append(make("li", { className: "hint" }, words.no_folders));
    place.replaceChildren(...phrase(words.to_folder, { path: make("bdi", {}, [words.files, ...at.slice(root.length).split("/").filter(Boolean).map(nameOf)].join(" / ")) }));
    send.disabled = at === here;
    isStart ? $("button", list)?.focus() : place.focus();
  }

  const row = (text, path) => make("li", {}, button(text, () => enter(path), ""));
  enter(here, true);
}
