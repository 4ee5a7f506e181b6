
// ---- Where files to upload come from: they are chosen, dropped on the page, or pasted

const adding = $("#give");

/** Whether the server would list a file with this path: without `--hidden`, it refuses names that begin with a dot. */
const isShown = (path) => adding?.dataset.hidden !== undefined || !path.split("/").some((part) => part.startsWith("."));

/** Where the browser remembers the uploads of this user that broke off. */
const uploadsKey = `wharf-uploads ${own} ${$("#account")?.dataset.user ?? ""}`;

/** Uploads files: pairs of a path and a file. `unread` are the paths of what cannot be read. */
const give = async (...all) => (await load("upload"))?.give(...all);

/** Collects the files and empty directories below a dropped entry with their paths, and the paths of what cannot be read. */
async function walk(entry, found, unread) {
  const seen = () => found.length + unread.length;
  const before = seen();
  try {
    if (entry.isFile) {
      found.push([entry.fullPath.slice(1), await new Promise((file, error) => entry.file(file, error))]);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      // Returns up to a hundred entries at a time, and none at the end.
      const some = await new Promise((entries, error) => reader.readEntries(entries, error));
      if (!some.length) break;
      for (const one of some) if (isShown(one.fullPath)) await walk(one, found, unread);
    }
    if (seen() === before) found.push([`${entry.fullPath.slice(1)}/`, new File([], "")]);
  } catch {
    unread.push(entry.fullPath.slice(1));
  }
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** A name with the local time, for what has none. */
function stamped(text, ending) {
  const time = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "medium" }).format();
  return fill(text, { time: time.replaceAll(":", ".") }) + ending;
}

/** The ending of a picture's name, from its media type. */
const endingOf = ({ type }) => `.${/^image.([a-z]+)/.exec(type)?.[1].replace("jpeg", "jpg") ?? "png"}`;

/** The menu of the button, which has the keys of a row's menu. */
function offerAdding(opener, menu) {
  const [files, folder, camera] = adding.querySelectorAll("input");
  for (const [id, input] of [["add-files", files], ["add-folder", folder], ["take-picture", camera]]) $(`#${id}`, menu).onclick = () => input.click();
  adding.onchange = ({ target }) => {
    const chosen = [...target.files];
    // Some phones give all pictures the same name.
    if (target === camera) give(chosen.map((file) => [stamped(words.picture_name, endingOf(file)), file]), [], { choice: "both", isOnce: true });
    else give(chosen.map((file) => [file.webkitRelativePath || file.name, file]));
    adding.reset();
  };
  menu.firstElementChild.autofocus = true;
  menu.addEventListener("click", () => menu.hidePopover(), true);
  menu.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...menu.children].filter((item) => item.checkVisibility());
    items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
  };
  menu.addEventListener("toggle", ({ newState }) => {
    if (newState !== "open") return;
    load("upload");
    const { left, bottom } = opener.getBoundingClientRect();
    menu.style.top = `${Math.max(0, Math.min(bottom + 4, innerHeight - menu.offsetHeight))}px`;
    menu.style.left = `${Math.max(0, Math.min(left, document.documentElement.clientWidth - menu.offsetWidth - 8))}px`;
  });
  addEventListener("scroll", () => menu.matches(":popover-open") && menu.hidePopover(), { passive: true });
}

/** Makes files of what is pasted outside of fields. A picture from the clipboard has no name of its own; a text is asked for one. */
function paste(event) {
  const { clipboardData } = event;
  if (event.defaultPrevented || event.target.closest?.("input:not([type=checkbox]), textarea, [contenteditable]") || $("dialog[open]")) return;
  const files = [...clipboardData.files];
  const text = clipboardData.getData("text/plain");
  const isPicture = files.length === 1 && isUnnamed(files[0]);
  // Spreadsheets add a picture of the cells.
  if (files.length && !(isPicture && text)) {
    event.preventDefault();
    if (isPicture) return void give([[stamped(words.pasted_name, endingOf(files[0])), files[0]]], [], { choice: "both", isOnce: true });
    return void give(files.map((file) => [file.name, file]));
  }
  if (!text) return;
  event.preventDefault();
  const save = (name) => (give([[name, new File([text], name, { type: "text/plain" })]], [], { isOnce: true }), true);
  askName(words.save_pasted, words.save, stamped(words.pasted_name, ".txt"), save, true);
}

/** Whether it is a picture from the clipboard, which browsers give this name. */
const isUnnamed = ({ name, type }) => name === "image.png" && type.startsWith("image/");

if (adding) {
  offerAdding($("#add"), $("#adding"));
  document.addEventListener("paste", paste);
  if (stored(uploadsKey)) load("upload");
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("drop");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("drop"));
  addEventListener("drop", async (event) => {
    document.body.classList.remove("drop");
    if (!hasFiles(event)) return;
    event.preventDefault();
    // The entries are available only during the event.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const [found, unread] = [[], []];
    for (const entry of entries) await walk(entry, found, unread);
    give(found, unread);
  });
}
