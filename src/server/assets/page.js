// The page's script. Everything in the folder is available without it too.
// File names and messages are data: they are added to the page as text, never as markup.

const $ = (selector, within = document) => within.querySelector(selector);

/** Creates an element with these properties and children. */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** A text of `words` in pieces: each part in braces is replaced by its value, which may be an element. */
const phrase = (text, values) => text.split(/[{}]/).map((part, at) => (at % 2 ? values[part] : part));

/** The same as one text. */
const fill = (text, values) => phrase(text, values).join("");

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

/** What the browser stores under this key; nothing if the user has blocked that. */
function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** The header that proves who a member of the chat is: uploads have it too, as they are announced with its name. */
const asMember = () => {
  const token = $("#room") && stored(memberKey);
  return token ? { "Wharf-Member": token } : {};
};

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The directory's path, encoded, with a trailing slash. */
const here = location.pathname;
/** The directory of the server's own paths: this script is in one below it. */
const own = new URL("..", import.meta.url).pathname;

/** Where the browser keeps the chat's token, for all tabs. Another server may be below another path of this origin. */
const memberKey = `wharf-member ${own}`;

const clock = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "short" });
