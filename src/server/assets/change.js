
// ---- What all changes have in common: requests, what was done last, and dialogs. Names are added as text, never as markup.

/** How long a message stays at least, in milliseconds; and until neither the pointer nor the focus is in it. */
const SHOWN = 10_000;

/** What the visitor may do in this folder. */
const may = new Set($("main")?.dataset.may?.split(" "));

/** The last segment of an encoded path, as text; a name that is not UTF-8 stays encoded. */
function nameOf(path) {
  const name = path.replace(/\/$/, "").split("/").pop();
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Sends a request. Returns the response to a success, and shows why there is none, with its status: 0 if none came. */
async function call(show, method, url, headers = {}, others = {}) {
  try {
    const answer = await fetch(url, { ...others, method, headers: { ...asMember(), ...headers } });
    if (answer.ok && !needsLogin(answer)) return answer;
    if (needsLogin(answer)) {
      $("dialog.change[open]")?.close();
      return void loggedOut();
    }
    // A proxy's page is not shown.
    const isText = answer.headers.get("Content-Type")?.startsWith("text/plain");
    const text = isText && (await answer.text()).trim();
    show(answer.status === 412 ? words.name_taken : sentence(text || fill(words.refused, { status: answer.status })), answer.status);
  } catch {
    show(words.no_answer, 0);
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.)]$/.test(text) ? "" : ".");

// What was done last, and how it is undone

const told = make("p", { role: "status" });
const undo = button(words.undo, undoLast);
const close = button(words.close, hide);
const toast = make("section", { id: "toast", className: "unseen", ariaLabel: words.what_was_done, onmouseleave: stay, onfocusout: stay }, told, undo, close);
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

if ($("#files, #trash")) tell("");

document.addEventListener("keydown", (event) => {
  const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey && !event.altKey;
  if (!isUndo || !undoing || event.target.matches("input:not([type=checkbox]), textarea") || $("dialog[open]")) return;
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
  tell(fill(words.restored, { name: path.replace(/\/$/, "").split("/").pop() }));
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
  const form = make("form", {}, ...fields, failure, make("div", { className: "row" }, send, button(words.cancel, () => dialog.close())));
  const dialog = openDialog(heading, form);
  form.onsubmit = async (event) => {
    event.preventDefault();
    failure.textContent = "";
    send.disabled = true;
    const isDone = await act((why) => (failure.textContent = why));
    send.disabled = false;
    if (isDone) dialog.close();
  };
  return { dialog, send, failure };
}

/** Opens a dialog with this content, which goes when it is closed. */
function openDialog(heading, ...content) {
  const dialog = make("dialog", { className: "change", onclose }, heading, ...content);
  dialog.setAttribute("aria-labelledby", heading.id);
  function onclose() {
    dialog.remove();
    refocus();
  }
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Opens a dialog that only shows these fields. */
function inform(title, ...fields) {
  const heading = make("h2", { id: "change-title" }, title);
  const close = button(words.close, () => dialog.close());
  const dialog = openDialog(heading, ...fields, make("div", { className: "row" }, close));
  return dialog;
}

/** Asks for a name; `act` gets it and a function that shows an error. The name without its ending is selected. */
function askName(title, verb, name, act, isNew = !name) {
  const field = make("input", { value: name, required: true, autocomplete: "off", spellcheck: false });
  field.oninput = () => field.setCustomValidity(/^\.{0,2}$|\//.test(field.value) ? words.bad_name : "");
  const unchanged = field.value;
  open(title, verb, (show) => (!isNew && field.value === unchanged) || act(field.value, show), make("label", {}, `${words.name} `, field));
  field.focus();
  const dot = name.lastIndexOf(".");
  field.setSelectionRange(0, dot > 0 ? dot : name.length);
}
