// Dialogs about one thing: its details, and the QR code of its address. And the list of keys. The server puts the import
// of `page.js` before this.

const row = (name, ...value) => [make("dt", {}, name), make("dd", {}, ...value)];

/** Shows what is known about what this link leads to. Its SHA-256 is computed when it is asked for: that may take long. */
async function details(link) {
  const isFolder = link.pathname.endsWith("/");
  const name = $("bdi", link).textContent;
  const time = $("time", link.closest("tr"));
  const list = make("dl", {}, ...row(words.name, make("bdi", {}, name)), ...row(words.modified, time ? clock.format(new Date(time.dateTime)) : ""));
  const failure = make("p", { className: "failed", role: "alert" });
  const dialog = inform(words.details, list, failure);
  const show = (why) => (failure.textContent = why);
  if (isFolder) return void list.append(...row(words.type, words.folder));
  const found = await call(show, "HEAD", link.pathname);
  if (!found || !dialog.open) return;
  const bytes = Number(found.headers.get("Content-Length"));
  const exact = bytes < 1024 ? size(bytes) : fill(words.exact_size, { size: size(bytes), count: bytes.toLocaleString("en") });
  const hash = make("dd", {});
  const asks = button(words.compute, async () => {
    asks.disabled = true;
    asks.textContent = words.computing;
    show("");
    const answer = await call(show, "GET", `${link.pathname}?sha256`);
    const text = (await answer?.text())?.trim();
    asks.disabled = false;
    asks.textContent = words.compute;
    if (!text) return;
    const said = make("span", { className: "hint", role: "status" });
    const copies = button(words.copy, async () => (said.textContent = (await toClipboard(text)) ? words.copied : words.press_to_copy));
    hash.replaceChildren(make("code", { tabIndex: -1 }, text), " ", copies, said);
    $("code", hash).focus();
  });
  hash.append(asks);
  list.append(...row(words.size, exact), ...row(words.type, found.headers.get("Content-Type") ?? ""), make("dt", {}, "SHA-256"), hash);
}

/** Shows the QR code of what this link leads to: the same as on the server's page for it. */
async function qrCode(link) {
  const failure = make("p", { className: "failed", role: "alert" });
  const shown = make("div");
  const dialog = inform(fill(words.qr_code_of_name, { name: $("bdi", link).textContent }), shown, failure);
  const show = (why) => (failure.textContent = why);
  // `&` and `+` have a special meaning in a query.
  const path = link.pathname.slice(own.length - ".wharf/".length - 1).replace(/[&+]/g, (one) => encodeURIComponent(one));
  const answer = await call(show, "GET", `${own}qr?path=${path}`, { Accept: "text/html" });
  if (!answer) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [address, image] = [$("main a", page).href, $("main img", page)];
  image.src = new URL(image.getAttribute("src"), new URL(answer.url)).href;
  for (const part of ["h1", "form"]) $(`main ${part}`, page)?.remove();
  shown.replaceChildren(...document.adoptNode($("main", page)).childNodes);
  const said = make("span", { className: "hint", role: "status" });
  const copies = button(words.copy_link, async () => (said.textContent = (await toClipboard(address)) ? words.copied : words.press_to_copy));
  $(".row", dialog).prepend(copies);
  $(".row", dialog).append(said);
}

const KEYS = [
  ["↑ ↓", words.key_move],
  ["Space", words.key_select],
  ["Shift ↑ ↓", words.key_extend],
  ["Ctrl A", words.key_all],
  ["Esc", words.key_clear],
  ["Shift F10", words.key_menu],
  ["F2", words.rename],
  ["Delete", words.delete],
  ["Ctrl Z", words.undo],
  ["/", words.key_filter],
  ["?", words.key_help],
];

/** Lists the keys. */
function keys() {
  const list = make("dl", { className: "keys" }, ...KEYS.flatMap(([keys, text]) => [make("dt", {}, make("kbd", {}, keys)), make("dd", {}, text)]));
  inform(words.keys, list, make("p", { className: "hint" }, words.keys_where));
}

export { details, keys, qrCode };
