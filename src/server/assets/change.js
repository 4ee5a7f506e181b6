// Changes of the folder's content. This is loaded only by pages whose visitor may change something, and by the page of
// the trash. The server puts the import of `page.js` before it. Names are added to the page as text, never as markup.

/** How long a message stays at least, in milliseconds; and until neither the pointer nor the focus is in it. */
const SHOWN = 10_000;

/** What the visitor may do in this folder. */
const may = new Set($("main").dataset.may?.split(" "));

const style = new CSSStyleSheet();
style.replaceSync(`
td:has(> .more) { display: flex; gap: .5rem; align-items: center; min-width: 0; }
td:has(> .more) a { flex: 1; min-width: 0; }
.more { flex: none; width: 2.25rem; height: 2.25rem; padding: 0; color: var(--soft); background: none; }
.more::before { content: "⋯" / ""; font-size: 1.25rem; line-height: 1; }
.more:hover, .more[aria-expanded=true] { color: var(--ink); background: var(--tint); }
.grid td:has(> .more) { position: relative; display: block; }
.grid .more { position: absolute; top: .375rem; right: .375rem; border-color: var(--line); color: var(--ink); background: var(--card); }
#menu { inset: auto; margin: 0; padding: .375rem; border: 1px solid var(--edge); border-radius: .5rem; color: inherit; background: var(--card); box-shadow: 0 2px 1rem #0003; }
#menu button { display: block; width: 100%; min-width: 9rem; border: 0; text-align: left; font-weight: inherit; color: var(--ink); background: none; }
#menu button:hover, #menu button:focus-visible { background: var(--tint); }
#toast { position: fixed; z-index: 3; left: 50%; bottom: 1rem; translate: -50%; display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; width: max-content; max-width: min(36rem, calc(100vw - 1.5rem)); padding: .625rem 1rem; border: 1px solid var(--edge); border-radius: .75rem; background: var(--card); box-shadow: 0 2px 1rem #0003; }
#toast.unseen { clip-path: inset(50%); width: 1px; padding: 0; border: 0; }
#toast p { flex: 1; min-width: min(6rem, 100%); overflow-wrap: anywhere; }
#toast button { padding: .125rem .75rem; }
.change { width: 26rem; }
.change input { width: 100%; padding: .375rem .75rem; border: 1px solid var(--edge); border-radius: .5rem; background: var(--card); }
.change .row { margin-top: 1rem; }
.change .failed { margin: .5rem 0; font-weight: 550; color: var(--bad); }
.change .place { margin: .5rem 0; overflow-wrap: anywhere; }
.change ul { max-height: 40vh; overflow: auto; border: 1px solid var(--line); border-radius: .5rem; }
.change li + li { border-top: 1px solid var(--line); }
.change li button { width: 100%; border: 0; border-radius: 0; text-align: left; font-weight: inherit; color: var(--ink); background: none; overflow-wrap: anywhere; }
.change li button:focus-visible { outline-offset: -2px; }
.change li:not(:has(button)) { padding: .375rem .875rem; }
.trash { padding: 0 1rem; border: 1px solid var(--line); border-radius: .75rem; background: var(--card); overflow-wrap: anywhere; }
.trash li:first-child { border: 0; }
.trash p, #trash > #look p { flex: 1 1 14rem; min-width: 0; }
@media (max-width: 40rem) {
  .rows td:has(> .more) { margin-right: -.75rem; }
}
`);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, style];

/** The last segment of an encoded path, as text; a name that is not UTF-8 stays encoded. */
function nameOf(path) {
  const name = path.replace(/\/$/, "").split("/").pop();
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Sends a request. Returns the response to a success, and shows why there is none. */
async function call(show, method, url, headers = {}) {
  try {
    const answer = await fetch(url, { method, headers: { ...asMember(), ...headers } });
    if (answer.ok && !needsLogin(answer)) return answer;
    if (needsLogin(answer)) {
      $("dialog[open]")?.close();
      return void loggedOut();
    }
    // A proxy's page is not shown.
    const isText = answer.headers.get("Content-Type")?.startsWith("text/plain");
    const text = isText && (await answer.text()).trim();
    show(answer.status === 412 ? "Something of that name exists already. Choose another name." : sentence(text || `refused (${answer.status})`));
  } catch {
    show("The server does not respond.");
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.)]$/.test(text) ? "" : ".");

// What was done last, and how it is undone

const told = make("p", { role: "status" });
const undo = button("Undo", undoLast);
const close = button("Close", hide);
const toast = make("section", { id: "toast", className: "unseen", ariaLabel: "What was done", onmouseleave: stay, onfocusout: stay }, told, undo, close);
let undoing = null;
let timer = 0;

/** Shows a text, and a button for `back`, if there is one: it gets a function that shows an error, and returns whether it was done. */
function tell(text, back = null) {
  if (!toast.isConnected) $("main").append(toast);
  if (!text) return void hide();
  undoing = back;
  told.textContent = text;
  if (!back && document.activeElement === undo) close.focus();
  undo.hidden = !back;
  close.hidden = false;
  toast.classList.remove("unseen");
  stay();
}

function stay() {
  clearTimeout(timer);
  timer = setTimeout(() => toast.matches(":hover, :focus-within") || hide(), SHOWN);
}

function hide() {
  told.textContent = "";
  undoing = null;
  undo.hidden = close.hidden = true;
  toast.classList.add("unseen");
}

async function undoLast() {
  const back = undoing;
  if (!back) return;
  undoing = null;
  const isDone = await back((why) => tell(why, back));
  if (!isDone && !undo.hidden) undoing ??= back;
}

tell("");

document.addEventListener("keydown", (event) => {
  const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey && !event.altKey;
  if (!isUndo || !undoing || event.target.matches("input, textarea") || $("dialog[open]")) return;
  event.preventDefault();
  undoLast();
});

/** Moves an entry of the trash back. */
async function restore(id, show) {
  let failure = "";
  const answer = await call((why) => (failure = why), "POST", `${own}trash/${id}/restore`);
  if (!answer) {
    // Once the session has ended, nothing says whose entries these are.
    await ($("#files") ? ask(location.href, { headers: { Accept: "text/html" } }) : reload());
    return void ($("#gone a") || show(failure));
  }
  changed();
  const { path } = await answer.json();
  tell(`Restored “${path.replace(/\/$/, "").split("/").pop()}”.`);
  return answer;
}

// The other windows of this browser follow at once

const windows = new BroadcastChannel(`wharf-changes ${own}`);
windows.onmessage = () => update();

const update = () => ($("#files") ? refresh() : reload());

function changed() {
  windows.postMessage("");
  // After a quick undo, the listing is as it was.
  refocus();
  return update();
}

// Dialogs

/** Moves the focus to what has changed, or away from what is gone. */
let refocus = () => {};

/** Opens a dialog with these fields. It stays open until `act`, which gets a function that shows an error, returns true. */
function open(title, verb, act, ...fields) {
  const heading = make("h2", { id: "change-title" }, title);
  const failure = make("p", { className: "failed", role: "alert" });
  const send = make("button", {}, verb);
  const form = make("form", {}, ...fields, failure, make("div", { className: "row" }, send, button("Cancel", () => dialog.close())));
  const dialog = make("dialog", { className: "change", onclose }, heading, form);
  dialog.setAttribute("aria-labelledby", heading.id);
  function onclose() {
    dialog.remove();
    refocus();
  }
  form.onsubmit = async (event) => {
    event.preventDefault();
    failure.textContent = "";
    send.disabled = true;
    const isDone = await act((why) => (failure.textContent = why));
    send.disabled = false;
    if (isDone) dialog.close();
  };
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, send, failure };
}

/** Asks for a name; `act` gets it and a function that shows an error. The name without its ending is selected. */
function askName(title, verb, name, act) {
  const field = make("input", { value: name, required: true, autocomplete: "off", spellcheck: false });
  field.oninput = () => field.setCustomValidity(/^\.{0,2}$|\//.test(field.value) ? "A name is not empty, “.” or “..”, and has no slash." : "");
  const unchanged = field.value;
  open(title, verb, (show) => (name && field.value === unchanged) || act(field.value, show), make("label", {}, "Name ", field));
  field.focus();
  const dot = name.lastIndexOf(".");
  field.setSelectionRange(0, dot > 0 ? dot : name.length);
}
