
// ---- The listing: filter, local times, refresh

/** The URL of the listing. */
const listing = new URL(location.href);
listing.hash = "";
let rows = [];
let whole = "";
/** Called when other rows are shown. */
let afterFilter = () => {};

/** A name as it is compared: without case, and the same for composed and decomposed letters. */
const plain = (name) => name.normalize("NFC").toLowerCase();

/** Indexes the rows of the page and converts their times. */
async function adopt() {
  const table = $("#files");
  rows = [...(table?.rows ?? [])].slice(1).map((row) => [row, plain(row.cells[0].textContent)]);
  whole = $("#count")?.textContent;
  filter();
  for (const chunk of [...(table?.tBodies ?? [])]) {
    for (const time of chunk.getElementsByTagName("time")) time.textContent = clock.format(new Date(time.dateTime));
    await pause(0);
  }
}

/** Hides the rows whose name does not contain the filter. */
function filter() {
  const input = $("#filter");
  if (!input) return;
  const wanted = plain(input.value.trim());
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
  const none = sum || !rows.length ? "" : fill(words.none_contains, { text: input.value.trim() });
  $("#count").textContent = wanted ? fill(words.shown_of, { shown: sum, all: rows.length }) + none : whole;
  afterFilter();
}

let refreshing = false;
let stale = false;
let shownHtml = $("#files")?.outerHTML;

/** Updates the listing, and keeps filter, focus and scroll position. */
async function refresh() {
  if (refreshing) return void (stale = true);
  [refreshing, stale] = [true, false];
  const start = performance.now();
  const text = await ask(listing, { headers: { Accept: "text/html" } });
  if (text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    if ($("#account[data-user]", page)) loggedIn();
    replace(page);
  }
  // Each of many uploads triggers a refresh: at most one per second, and fewer of a long listing.
  await pause(Math.max(1000, 9 * (performance.now() - start)));
  refreshing = false;
  if (stale) refresh();
}

/** The link to this file. */
const linkOf = (href) => $(`#files a[href="${CSS.escape(href)}"]`);

/** Focuses the link to this file. */
const focusOn = (href) => linkOf(href)?.focus();

/** The first row that is visible below the header, and its place; nothing while the page is not scrolled. */
function rowInView() {
  if (!scrollY) return null;
  const below = $(".top").getBoundingClientRect().bottom;
  const isSeen = (part) => part.getBoundingClientRect().bottom > below;
  const chunk = [...($("#files")?.tBodies ?? [])].find((chunk) => !chunk.hidden && isSeen(chunk));
  const row = [...(chunk?.rows ?? [])].find((row) => !row.hidden && isSeen(row));
  return row && { href: $("a", row).getAttribute("href"), top: row.getBoundingClientRect().top };
}

/** What the user looks at stays where it is. */
function keepInView(seen) {
  const row = seen && linkOf(seen.href)?.closest("tr");
  if (row) scrollBy({ top: row.getBoundingClientRect().top - seen.top, behavior: "instant" });
}

function replace(page) {
  const account = $("#account", page);
  if (account && account.outerHTML !== $("#account")?.outerHTML) $("#account")?.replaceWith(document.adoptNode(account));
  const html = $("#files", page)?.outerHTML;
  if (!html || html === shownHtml) return;
  shownHtml = html;
  const focused = document.activeElement?.closest("#files a, th button");
  const row = rowAt(document.activeElement ?? document.body);
  const place = row ? shownLinks().indexOf(linkIn(row)) : -1;
  const seen = rowInView();
  for (const part of ["#look", "#files", "#nothing", "#count"]) {
    // The filter field stays, as the user may be typing in it.
    if (part !== "#look" || !$("#filter")) $(part).replaceWith(document.adoptNode($(part, page)));
  }
  adopt();
  if (focused?.value) $(`th button[value="${focused.value}"]`)?.focus({ preventScroll: true });
  else if (focused) linkOf(focused.getAttribute("href"))?.focus({ preventScroll: true });
  if (row && !linkOf(hrefOf(row))) focusNear(place);
  keepInView(seen);
}

/** The row that had the focus is gone: focuses the link that has its place now, or the last one. */
function focusNear(place) {
  const links = shownLinks();
  (links[place] ?? links.at(-1))?.focus({ preventScroll: true });
}

adopt();
if ($("#files")) watch();
for (const time of document.querySelectorAll(".sessions time")) time.textContent = clock.format(new Date(time.dateTime));
// A link with `download` does not leave the page, as a form would: that asks first while files are uploaded.
document.addEventListener("submit", (event) => {
  if (!event.target.matches(".all")) return;
  event.preventDefault();
  make("a", { href: `?${event.submitter.name}`, download: "" }).click();
});
document.addEventListener("input", (event) => event.target.id === "filter" && filter());
for (const occasion of ["focus", "visibilitychange"]) {
  addEventListener(occasion, () => document.visibilityState === "visible" && $("#files") && refresh());
}
