// Previews of files. The server puts the import of `page.js` before this.

/** How many bytes of a text are shown. */
const TEXT_SHOWN = 256 * 1024;

const media = (name) => (src, title) => make(name, { src, title, controls: true, autoplay: true });
const shows = {
  img: (src, alt) => make("img", { src, alt }),
  vid: media("video"),
  aud: media("audio"),
  pdf: (src, title) => make("iframe", { src, title }),
  txt: (src) => {
    const text = make("pre", { tabIndex: 0 }, "…");
    read(src).then((content) => (text.textContent = content), () => (text.textContent = words.cannot_load_text));
    return text;
  },
};

async function read(src) {
  const answer = await fetch(src, { headers: { Range: `bytes=0-${TEXT_SHOWN - 1}` } });
  if (answer.status === 416) return "";
  if (!answer.ok) throw answer.status;
  const length = Number(answer.headers.get("Content-Range")?.split("/")[1] ?? 0);
  const text = decode(new Uint8Array(await answer.arrayBuffer()));
  return text + (length > TEXT_SHOWN ? `\n\n${fill(words.more_text, { size: size(length - TEXT_SHOWN) })}` : "");
}

/** Old text is often in Latin-1, which is almost never valid UTF-8. The last character may be cut off. */
function decode(bytes) {
  const mark = bytes[0] * 256 + bytes[1];
  const encoding = mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

const kind = (link) => [...link.classList].find((name) => shows[name]);
/** Previous and Next stay within pictures, within media, or within text. */
const group = (link) => ({ img: 1, vid: 2, aud: 2 })[kind(link)] ?? 3;
const title = make("h2", { id: "preview-name" });
const place = make("span", { className: "hint", role: "status" });
const save = make("a", { className: "button", download: "" }, words.download);
const content = make("figure");
const previous = button("‹", () => step(-1));
const next = button("›", () => step(1));
previous.ariaLabel = previous.title = words.previous;
next.ariaLabel = next.title = words.next;
const close = button(words.close, () => dialog.close());
close.autofocus = true;
const head = make("div", { className: "head" }, title, place, previous, next, save, close);
const dialog = make("dialog", { id: "preview" }, head, content);
dialog.setAttribute("aria-labelledby", title.id);
let links = [];
let at = 0;

function show() {
  const link = links[at];
  const name = $("bdi", link).textContent;
  title.textContent = title.title = name;
  place.textContent = links.length > 1 ? fill(words.place_of, { place: at + 1, all: links.length }) : "";
  save.href = link.href;
  // A disabled button has no keyboard events.
  if ((at === 0 && document.activeElement === previous) || (at === links.length - 1 && document.activeElement === next)) close.focus();
  previous.disabled = at === 0;
  next.disabled = at === links.length - 1;
  content.replaceChildren(shows[kind(link)](link.href, name));
}

function step(by) {
  if (!links[at + by]) return;
  at += by;
  show();
}

/** Shows the file of this link, and those beside it. */
function view(link) {
  links = [...document.querySelectorAll("#files td a")].filter((other) => kind(other) && group(other) === group(link) && !other.closest("tr").hidden);
  at = links.indexOf(link);
  if (!dialog.isConnected) document.body.append(dialog);
  show();
  dialog.showModal();
}

dialog.onkeydown = (event) => {
  // Arrow keys in a player seek.
  if (event.target.controls) return;
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
};
dialog.onclose = () => {
  // The event comes later: another preview may be open.
  if (dialog.open) return;
  content.replaceChildren();
  focusOn(links[at].getAttribute("href"));
};

export { view };
