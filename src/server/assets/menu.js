
// ---- The menu of a row, and the keys of the list

const menu = make("div", { id: "menu", popover: "auto" });
/** The link of the row that the menu is about. */
let chosen = null;

/** Shows a dialog of `about.js` for this link. */
const showAbout = (name) => async (link) => (await load("about"))?.[name](link);

/** The address that others can open: without the view that this page has. */
const addressOf = (link) => new URL(link.pathname, location).href;

/** Copies a text to the clipboard. Returns whether that was possible: over plain HTTP, a page cannot do it by itself. */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { value: text, className: "unseen" });
    ($("dialog[open]") ?? document.body).append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    return isCopied;
  }
}

async function copyLink(link) {
  const address = addressOf(link);
  if (await toClipboard(address)) return tell(fill(words.copied_link, { name: shownName(link) }));
  const field = make("input", { value: address, readOnly: true, ariaLabel: words.copy_link });
  inform(words.copy_link, field, make("p", { className: "hint" }, words.press_to_copy));
  field.select();
}

/** The items: the text, what is done, and whether it is offered for this link. */
const items = [
  [words.download, (link) => download([link]), (link) => !slashOf(link) || canZip()],
  [words.copy_link, copyLink, () => true],
  [words.qr_code, showAbout("qrCode"), () => $(".top [name=qr]")],
  [words.rename, rename, () => may.has("add") && may.has("remove")],
  [words.move, move, () => may.has("remove")],
  [words.copy, copy, () => canCopy],
  [words.share, shareOne, () => $("#share")],
  [words.delete, remove, () => may.has("remove")],
  [words.details, showAbout("details"), () => true],
].map(([text, act, isOffered]) => [button(text, () => (menu.hidePopover(), act(chosen)), ""), isOffered]);

/** Makes the menu that of this row, and puts it below its button. */
function prepareMenu(opener) {
  chosen = linkIn(rowAt(opener));
  menu.replaceChildren(...items.filter(([, isOffered]) => isOffered(chosen)).map(([item]) => item));
  menu.firstChild.autofocus = true;
  const { right, bottom } = opener.getBoundingClientRect();
  menu.style.top = `${bottom}px`;
  menu.style.right = `${document.documentElement.clientWidth - right}px`;
}

if ($("#files")) {
  $("main").append(menu);

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

  document.addEventListener("click", ({ target }) => target.matches("#files .more") && prepareMenu(target), true);

  /** The selection, if the row is in it; otherwise the row. */
  const aboutRow = (row) => (isSelected(row) ? chosenRows() : [row]).map(linkIn);

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const isPlainKey = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.defaultPrevented || event.repeat || !isPlainKey || isTyping(target) || $("dialog[open]")) return;
    const row = rowAt(target);
    const inBar = target.closest("#bar") && chosenRows().length;
    let act = null;
    if (key === "?") act = showAbout("keys");
    else if (key === "ContextMenu" || (key === "F10" && event.shiftKey)) act = row && (() => (isSelected(row) ? $("button:not([hidden])", actions).focus() : $(".more", row).click()));
    else if (key === "Delete" && !event.shiftKey && may.has("remove")) act = row ? () => removeAll(aboutRow(row)) : inBar && (() => removeAll(chosenRows().map(linkIn)));
    else if (key === "F2" && !event.shiftKey && may.has("add") && may.has("remove")) act = row && (() => rename(linkIn(row)));
    else if (/^Arrow(Left|Right)$/.test(key) && target.closest("#bar")) act = () => stepInBar(target, key === "ArrowRight" ? 1 : -1);
    if (!act) return;
    event.preventDefault();
    act();
  });

  function stepInBar(target, by) {
    const all = [...bar.querySelectorAll("button")].filter((one) => one.offsetParent);
    all.at((all.indexOf(target) + by) % all.length).focus();
  }

  // The rows are drawn first.
  afterFilter = () => selected.size && requestAnimationFrame(showSelection);
  new MutationObserver(() => $("#files") !== equipped && equip()).observe($("main"), { childList: true });
  equip();
}
