
// ---- Selecting: rows are chosen with checkboxes, the keyboard, the mouse or a long press

/** How long a finger rests on a row to select it, in milliseconds; a browser's own long press takes 500. */
const LONG_PRESS = 450;
/** How far a finger may move meanwhile, in pixels. */
const RESTS = 10;

/** The links of the selected rows, as in the HTML: they stay selected when the listing is replaced. */
const selected = new Set();
/** The link of the row from which a range extends. */
let anchor = "";
/** The finger that may become a long press: its timer, its place, and whether it has become one. */
let press = { timer: 0, x: 0, y: 0, isLong: false, isFinger: false };

/** Whether keys belong to this element: they are text. */
const isTyping = (target) => target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
const linkIn = (row) => $("td a", row);
const hrefOf = (row) => linkIn(row).getAttribute("href");
const shownRows = () => rows.filter(([row]) => !row.hidden).map(([row]) => row);
const isSelected = (row) => selected.has(hrefOf(row));

const pickBox = make("label", { className: "pick" }, make("input", { type: "checkbox" }));

/** A checkbox for a row. Copies of one element are made faster than new ones. */
function checkbox(row, name) {
  const label = pickBox.cloneNode(true);
  label.firstChild.ariaLabel = fill(words.select_name, { name });
  if (selected.size && isSelected(row)) {
    label.firstChild.checked = true;
    row.classList.add("picked");
  }
  return label;
}

function equipHead(table) {
  const label = pickBox.cloneNode(true);
  label.firstChild.ariaLabel = words.select_all;
  $("th", table).prepend(label);
  showSelection();
}

/** What was selected and is no longer there is forgotten. */
function forgetGone() {
  if (!selected.size) return;
  const there = new Set(rows.map(([row]) => hrefOf(row)));
  for (const href of selected) there.has(href) || selected.delete(href);
  showSelection();
}

/** Selects a row or not; `showSelection` follows. */
function mark(row, isOn) {
  const href = hrefOf(row);
  isOn ? selected.add(href) : selected.delete(href);
  row.classList.toggle("picked", isOn);
  const box = $(".pick input", row);
  if (box) box.checked = isOn;
}

/** Selects this row or not; with `toRange`, all shown rows from the one before to this one. */
function pick(row, isOn, toRange = false) {
  const all = toRange ? shownRows() : [];
  const from = all.findIndex((other) => hrefOf(other) === anchor);
  if (from < 0) mark(row, isOn);
  else {
    const ends = [from, all.indexOf(row)].sort((one, other) => one - other);
    for (const other of all.slice(ends[0], ends[1] + 1)) mark(other, isOn);
  }
  anchor = hrefOf(row);
  showSelection();
}

function pickAll(isOn) {
  for (const row of shownRows()) mark(row, isOn);
  showSelection();
}

/** Nothing is selected any more, not even what the filter hides. */
function clearSelection() {
  for (const [row] of rows) if (row.classList.contains("picked")) mark(row, false);
  selected.clear();
  showSelection();
}

/** The selected rows that are shown, in order: what the filter hides is not acted on. */
const chosenRows = () => (selected.size ? shownRows().filter(isSelected) : []);

if ($("#files")) {
  const isRange = (event) => event.shiftKey;
  const isMore = (event) => event.ctrlKey || event.metaKey || event.shiftKey;

  // Before the click opens a preview.
  document.addEventListener("click", (event) => {
    const { target } = event;
    const head = target.closest?.("#files th .pick");
    if (head && target.matches("input")) return pickAll(target.checked);
    const row = rowAt(target);
    if (!row || target.closest(".more")) return;
    const box = target.closest(".pick");
    if (press.isLong) {
      event.preventDefault();
      event.stopPropagation();
    } else if (box) {
      // The label's own click has no modifier keys.
      if (!target.matches("input")) event.preventDefault();
      pick(row, target.matches("input") ? target.checked : !isSelected(row), isRange(event));
    } else if (isMore(event) || (press.isFinger && selected.size)) {
      event.preventDefault();
      pick(row, isRange(event) || !isSelected(row), isRange(event));
    }
  }, true);

  // A click with Shift would select text, too.
  document.addEventListener("mousedown", (event) => event.shiftKey && rowAt(event.target) && event.preventDefault());

  // A long press. On most phones the browser reports it itself, to show a menu of its own.
  const longPress = (row) => {
    clearTimeout(press.timer);
    if (press.isLong) return;
    press.isLong = true;
    pick(row, !isSelected(row));
  };
  document.addEventListener("pointerdown", (event) => {
    clearTimeout(press.timer);
    press = { timer: 0, x: event.clientX, y: event.clientY, isLong: false, isFinger: event.pointerType === "touch" };
    const row = press.isFinger && !event.target.closest?.(".more, .pick") && rowAt(event.target);
    if (row) press.timer = setTimeout(() => longPress(row), LONG_PRESS);
  });
  document.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (Math.hypot(clientX - press.x, clientY - press.y) > RESTS) clearTimeout(press.timer);
  });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => clearTimeout(press.timer));
  document.addEventListener("contextmenu", (event) => {
    const row = press.isFinger && rowAt(event.target);
    if (!row || event.target.closest(".more, .pick")) return;
    event.preventDefault();
    longPress(row);
  });
  document.addEventListener("dragstart", (event) => press.isFinger && rowAt(event.target) && event.preventDefault());

  /** Moves the focus to the same place in the row above or below. Returns that row. */
  function stepFrom(row, target, by) {
    const all = shownRows();
    const other = all[all.indexOf(row) + by];
    if (!other) return;
    const place = [".pick input", ".more", "td a"].find((place) => target.matches(place));
    $(place ?? "td a", other).focus();
    return other;
  }

  const keys = {
    ArrowDown: (row, event) => stepOrExtend(row, event, 1),
    ArrowUp: (row, event) => stepOrExtend(row, event, -1),
    " ": (row, { target }) => target.matches("a") && (pick(row, !isSelected(row)), true),
  };
  function stepOrExtend(row, event, by) {
    if (event.shiftKey && !isSelected(row)) pick(row, true);
    const other = stepFrom(row, event.target, by);
    if (other && event.shiftKey) pick(other, true);
    return true;
  }

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || isTyping(target) || $("dialog[open], :popover-open") || event.altKey) return;
    const [row, isCommand] = [rowAt(target), event.ctrlKey || event.metaKey];
    let isDone = false;
    if (isCommand && key.toLowerCase() === "a" && !event.shiftKey && !target.closest("#room")) {
      isDone = rows.length > 0;
      if (isDone) pickAll(true);
    } else if (key === "Escape" && !isCommand) {
      isDone = selected.size > 0;
      const last = target.closest("#bar") && rows.find(([row]) => hrefOf(row) === anchor)?.[0];
      if (isDone) clearSelection();
      if (last) linkIn(last).focus();
    } else if (row && !isCommand) {
      isDone = keys[key]?.(row, event);
    }
    if (isDone) event.preventDefault();
  });
}
