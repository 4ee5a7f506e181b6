// The page with script. Everything in the folder is there without it too; this makes it quicker to use.
// Names and words of others are data: they reach the page as text, never as markup.

const $ = (selector, within = document) => within.querySelector(selector);

/** Makes an element with these properties and children. */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const button = (text, onclick, className = "quiet") => make("button", { type: "button", onclick, className }, text);

/** A path as it stands in a link. */
const encode = (path) => path.split("/").map(encodeURIComponent).join("/");

/** A number of bytes, as the server writes it. */
function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  for (bytes /= 1024; bytes >= 1023.95; bytes /= 1024) unit++;
  return `${bytes.toFixed(1)} ${units[unit]}`;
}

/** Whether a click asks for nothing but to open. */
const isPlain = (event) =>
  !event.defaultPrevented && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// ---- The listing: filter, local times, fresh rows

/** The folder's listing, whatever else its address may show. */
const listing = new URL(location.href);
listing.searchParams.set("list", "");
listing.hash = "";
/** The folder's path, encoded, with a slash at its end. */
const here = location.pathname;

const clock = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short" });
let rows = [];
let whole = "";

/** Takes in the rows that are there now. */
async function adopt() {
  const table = $("#files");
  rows = [...(table?.rows ?? [])].slice(1).map((row) => [row, row.cells[0].textContent.toLowerCase()]);
  whole = $("#count")?.textContent;
  filter();
  for (const chunk of [...(table?.tBodies ?? [])]) {
    for (const time of chunk.getElementsByTagName("time")) time.textContent = clock.format(new Date(time.dateTime));
    await pause(0);
  }
}

/** Shows the rows that have in their name what stands in the field. */
function filter() {
  const input = $("#filter");
  if (!input) return;
  const wanted = input.value.trim().toLowerCase();
  const shown = new Map();
  for (const [row, name] of rows) {
    const fits = name.includes(wanted);
    if (row.hidden === fits) row.hidden = !fits;
    shown.set(row.parentNode, (shown.get(row.parentNode) ?? 0) + fits);
  }
  let sum = 0;
  for (const [chunk, count] of shown) {
    chunk.hidden = count === 0;
    chunk.style.setProperty("--rows", count);
    sum += count;
  }
  $("#count").textContent = wanted ? `${sum} of ${rows.length}` : whole;
}

let refreshing = false;
let stale = false;
let shownHtml = "";

/** Shows what the folder holds now, and keeps what is filtered, focused and scrolled to. */
async function refresh() {
  if (refreshing) return void (stale = true);
  [refreshing, stale] = [true, false];
  try {
    const answer = await fetch(listing, { headers: { Accept: "text/html" } });
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // Offline: the room says so, and the next occasion tries again.
  }
  // Of many files at once, each is told: the listing follows at its leisure.
  await pause(1000);
  refreshing = false;
  if (stale) refresh();
}

/** Puts the focus on the link to this file. */
const focusOn = (href) => $(`#files a[href="${CSS.escape(href)}"]`)?.focus();

function replace(page) {
  const html = $("#files", page)?.outerHTML;
  if (!html || html === shownHtml) return;
  shownHtml = html;
  const focused = document.activeElement?.closest("#files a")?.getAttribute("href");
  for (const part of ["#look", "#files", "#nothing", "#count"]) {
    // A field in which somebody types stays.
    if (part !== "#look" || !$("#filter")) $(part).replaceWith(document.adoptNode($(part, page)));
  }
  adopt();
  if (focused) focusOn(focused);
}

adopt();
document.addEventListener("input", (event) => event.target.id === "filter" && filter());
for (const occasion of ["focus", "visibilitychange"]) {
  addEventListener(occasion, () => document.visibilityState === "visible" && $("#files") && refresh());
}
