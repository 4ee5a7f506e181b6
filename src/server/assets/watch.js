
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
  notice.replaceChildren(...phrase(words.logged_out, { log_in: make("a", { href, target: "_blank" }, words.log_in) }));
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
    if (!ended) notice.textContent = answer.status === 404 ? words.folder_gone : "";
    return answer.ok && content;
  } catch {
    const time = clock.format(seen).slice(11);
    notice.textContent = fill(words.no_answer_since, { time });
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
