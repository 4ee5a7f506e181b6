// The page's script. Everything in the folder is available without it too.
// File names and messages are data: they are added to the page as text, never as markup.

const $ = (selector, within = document) => within.querySelector(selector);

/** Creates an element with these properties and children. */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const button = (text, onclick, className = "quiet") => make("button", { type: "button", onclick, className }, text);

/** Encodes a path for a link. */
const encode = (path) => path.split("/").map(encodeURIComponent).join("/");

/** Formats a number of bytes, as the server does. */
function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  for (bytes /= 1024; bytes >= 1023.95; bytes /= 1024) unit++;
  return `${bytes.toFixed(1)} ${units[unit]}`;
}

/** Whether it is a plain click with the primary button. */
const isPlain = (event) =>
  !event.defaultPrevented && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

/** The header that proves who a member of the chat is: uploads have it too, as they are announced with its name. */
const asMember = () => {
  const token = $("#room") && localStorage.getItem(memberKey);
  return token ? { "Wharf-Member": token } : {};
};

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// ---- The listing: filter, local times, refresh

/** The URL of the listing. */
const listing = new URL(location.href);
listing.hash = "";
/** The directory's path, encoded, with a trailing slash. */
const here = location.pathname;
/** The directory of the server's own paths: this script is in one below it. */
const own = new URL("..", import.meta.url).pathname;

/** Where the browser keeps the chat's token, for all tabs. Another server may be below another path of this origin. */
const memberKey = `wharf-member ${own}`;

const clock = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short" });
let rows = [];
let whole = "";

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
  const none = sum || !rows.length ? "" : `: no name contains “${input.value.trim()}”`;
  $("#count").textContent = wanted ? `${sum} of ${rows.length}${none}` : whole;
}

let refreshing = false;
let stale = false;
let shownHtml = $("#files")?.outerHTML;

/** Updates the listing, and keeps filter, focus and scroll position. */
async function refresh() {
  if (refreshing) return void (stale = true);
  [refreshing, stale] = [true, false];
  const text = await ask(listing, { headers: { Accept: "text/html" } });
  if (text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    if ($("#account[data-user]", page)) loggedIn();
    replace(page);
  }
  // Each of many uploads triggers a refresh: at most one per second.
  await pause(1000);
  refreshing = false;
  if (stale) refresh();
}

// ---- Whether the server is there

/** How often to ask, and how often if it does not respond, in milliseconds. */
const ASKS = 30_000;
const ASKS_AGAIN = 5_000;
/** Longer listings are not fetched every time. */
const MANY = 1000;

const notice = make("p", { id: "gone", role: "alert" });
let seen = Date.now();

/** While the session has ended: the callbacks to call once the user has logged in again. */
let ended = null;

/** The session has ended. The page stays as it is: what was typed, and uploads, wait for another login in another tab. */
function loggedOut() {
  ended ??= [];
  if ($("a", notice)) return;
  const href = `${own}login?next=${encodeURIComponent(here + location.search)}`;
  notice.replaceChildren("You are no longer logged in. ", make("a", { href, target: "_blank" }, "Log in"), " in another tab to continue here.");
  $(".top").append(notice);
}

function loggedIn() {
  if (!ended) return;
  for (const next of ended) next();
  ended = null;
  notice.remove();
  notice.textContent = "";
}

/** Resolves once the user has logged in again. */
const login = () => (loggedOut(), new Promise((next) => ended.push(next)));

/** Without `Sec-Fetch-Mode`, the server cannot distinguish the script's requests from a browser that opens a page. */
const needsLogin = ({ status, redirected, url }) => status === 401 || (redirected && new URL(url).pathname === `${own}login`);

/** Sends a request, and shows if the server does not respond. Returns the content, if it has any. */
async function ask(...request) {
  try {
    const answer = await fetch(...request);
    if (answer.status > 500) throw answer.status;
    const content = await answer.text();
    seen = Date.now();
    if (needsLogin(answer)) return void loggedOut();
    if (!ended) notice.textContent = answer.status === 404 ? "This folder no longer exists." : "";
    return answer.ok && content;
  } catch {
    const time = clock.format(seen).slice(11);
    notice.textContent = `The server does not respond; it may have stopped. You see the files as of ${time}.`;
  } finally {
    notice.textContent ? $(".top").append(notice) : notice.remove();
  }
}

/** While the page is visible, the server does not exit for lack of requests. */
async function watch() {
  for (;;) {
    await pause(notice.textContent ? ASKS_AGAIN : ASKS);
    if (document.visibilityState !== "visible") continue;
    rows.length < MANY || notice.textContent ? refresh() : await ask(`${own}health`);
  }
}

/** Focuses the link to this file. */
const focusOn = (href) => $(`#files a[href="${CSS.escape(href)}"]`)?.focus();

function replace(page) {
  const account = $("#account", page);
  if (account && account.outerHTML !== $("#account")?.outerHTML) $("#account")?.replaceWith(document.adoptNode(account));
  const html = $("#files", page)?.outerHTML;
  if (!html || html === shownHtml) return;
  shownHtml = html;
  const focused = document.activeElement?.closest("#files a, th button");
  for (const part of ["#look", "#files", "#nothing", "#count"]) {
    // The filter field stays, as the user may be typing in it.
    if (part !== "#look" || !$("#filter")) $(part).replaceWith(document.adoptNode($(part, page)));
  }
  adopt();
  if (focused?.value) $(`th button[value="${focused.value}"]`)?.focus();
  else if (focused) focusOn(focused.getAttribute("href"));
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

export { $, asMember, ask, button, clock, encode, here, loggedOut, make, needsLogin, own, refresh };
