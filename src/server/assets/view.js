// Previews of files, and the editor of texts. The server puts the import of `page.js` before this.

const shows = {
  img: picture,
  vid: player,
  aud: player,
  pdf: (link, name) => make("iframe", { src: link.href, title: name }),
  txt: text,
};

const kind = (link) => [...link.classList].find((name) => shows[name]);
/** Previous and Next stay within one kind; texts are of the same kind as PDF. */
const group = (link) => (kind(link) === "pdf" ? "txt" : kind(link));
const title = make("h2", { id: "preview-name" });
const place = make("span", { className: "hint", role: "status" });
const download = make("a", { className: "button", download: "" }, words.download);
const content = make("figure");
const sign = (text, name, onclick) => Object.assign(button(text, onclick), { ariaLabel: name, title: name });
const smaller = sign("−", words.zoom_out, () => zoomBy(1 / ZOOM_STEP));
const larger = sign("+", words.zoom_in, () => zoomBy(ZOOM_STEP));
for (const control of [smaller, larger]) control.classList.add("zoom");
const previous = sign("‹", words.previous, () => step(-1));
const next = sign("›", words.next, () => step(1));
const startEditing = button(words.edit, () => openEditor(links[at].pathname, title.textContent));
const save = button(words.save, () => saveText(), "");
const close = button(words.close, leave, "quiet close");
close.autofocus = true;
const head = make("div", { className: "head" }, title, place, smaller, larger, previous, next, startEditing, download, save, close);
const dialog = make("dialog", { id: "preview" }, head, content);
dialog.setAttribute("aria-labelledby", title.id);
// Screen readers say the name of the next file.
title.setAttribute("aria-live", "polite");
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
document.adoptedStyleSheets.push(sheet);

let links = [];
let at = 0;

/** Whether the visitor may replace files in this folder. */
const mayReplace = () => $("#give")?.dataset.conflict === "overwrite";

/** Shows only the controls that this kind of content needs. */
function equipFor(what) {
  dialog.className = what;
  const isEditor = what === "edit";
  for (const control of [place, previous, next]) control.hidden = isEditor || links.length < 2;
  for (const control of [smaller, larger]) control.hidden = what !== "img";
  download.hidden = isEditor;
  save.hidden = !isEditor;
  startEditing.hidden = what !== "txt" || !mayReplace();
}

function show() {
  const link = links[at];
  const name = $("bdi", link).textContent;
  title.textContent = title.title = name;
  place.textContent = links.length > 1 ? fill(words.place_of, { place: at + 1, all: links.length }) : "";
  download.href = link.href;
  // A disabled button has no keyboard events.
  if ((at === 0 && document.activeElement === previous) || (at === links.length - 1 && document.activeElement === next)) close.focus();
  previous.disabled = at === 0;
  next.disabled = at === links.length - 1;
  equipFor(kind(link));
  const shown = shows[kind(link)](link, name);
  // A player that is moved in the page stops.
  if (content.firstChild !== shown) content.replaceChildren(shown);
}

function step(by) {
  if (!links[at + by]) return;
  at += by;
  show();
}

/** Shows the file of this link, and those beside it. */
function view(link) {
  links = [...document.querySelectorAll("#files td a")].filter((other) => kind(other) && group(other) === group(link) && !other.closest("tr").hidden);
  // The listing may have been replaced since the click.
  at = links.findIndex(({ href }) => href === link.href);
  if (at < 0) [links, at] = [[link], 0];
  show();
  openDialog();
}

/** Opens an empty text, which is saved at this encoded path if nothing is there. */
function create(path) {
  [links, at] = [[], 0];
  openEmptyEditor(path);
  openDialog();
}

// The browser's Back closes the dialog: while it is open, the history has one more entry

/** Whether the dialog was closed, and the browser is on its way back. */
let goesBack = false;

function openDialog() {
  if (!dialog.isConnected) document.body.append(dialog);
  if (!dialog.open) dialog.showModal();
  if (dialog.className === "edit") area.focus();
  if (!goesBack) addEntry();
}

function addEntry() {
  if (history.state?.isPreview) return;
  // The row of the file gets the focus, wherever the page was.
  history.scrollRestoration = "manual";
  history.pushState({ isPreview: true }, "");
}

addEventListener("popstate", () => {
  const wasClosed = goesBack;
  goesBack = false;
  if (history.state?.isPreview) return;
  history.scrollRestoration = "auto";
  if (!dialog.open) return;
  // It was opened again meanwhile, or its text is not saved.
  if (wasClosed || hasChanges()) addEntry();
  if (!wasClosed) leave();
});

/** Closes the dialog, unless that would lose changes which the user wants to keep. */
function leave() {
  if (!hasChanges()) return dialog.close();
  if ($("dialog.change[open]")) return;
  const discard = () => {
    forgetText();
    dialog.close();
    return true;
  };
  open(fill(words.discard_question, { name: title.textContent }), words.discard, discard, make("p", { className: "hint" }, words.discard_hint));
}

dialog.oncancel = (event) => {
  if (event.target !== dialog || !hasChanges()) return;
  event.preventDefault();
  leave();
};
dialog.onclose = () => {
  // The event comes later: another preview may be open.
  if (dialog.open) return;
  // A browser closes a dialog without asking when Escape is pressed twice.
  if (hasChanges()) return dialog.showModal(), leave();
  forgetText();
  forgetPictures();
  content.replaceChildren();
  if (history.state?.isPreview) {
    goesBack = true;
    history.back();
  }
  const link = links[at];
  if (link) focusOn(link.getAttribute("href"));
};
dialog.onkeydown = (event) => {
  const { key, target } = event;
  const isSave = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && key === "s";
  if (isSave && dialog.className === "edit") {
    event.preventDefault();
    return void saveText();
  }
  // Not at the second press either.
  if (key === "Escape" && hasChanges()) return event.preventDefault(), leave();
  // Alt and an arrow are the browser's. In a field or a player, arrow keys belong to it.
  if (event.ctrlKey || event.metaKey || event.altKey || target.controls || target === area) return;
  if (dialog.className === "img" && pictureKey(key)) return event.preventDefault();
  if (dialog.className === "edit") return;
  if (key === "ArrowLeft") step(-1);
  if (key === "ArrowRight") step(1);
};
addEventListener("beforeunload", (event) => hasChanges() && event.preventDefault());

export { create, view };
