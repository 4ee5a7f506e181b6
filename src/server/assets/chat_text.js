
// ---- The text of messages: addresses in it are links. Text is added as text, never as markup

/** An address, up to white space, a character that ends it in most texts, or one that changes the direction of text. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"“”\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;

/** A message's text, as an element in which each address is a link. */
function chatText(text) {
  const parts = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(found);
    const link = chatLink(address);
    if (!link) continue;
    parts.push(text.slice(at, index), link);
    at = index + address.length;
  }
  return make("bdi", {}, ...parts, text.slice(at));
}

/** An address without the punctuation of the sentence around it. A bracket that is opened in the address belongs to it. */
function trimmed(address) {
  for (;;) {
    const last = address.at(-1);
    const opening = { ")": "(", "]": "[", "}": "{" }[last];
    const isOpened = opening && address.split(opening).length >= address.split(last).length;
    if (isOpened || !/[.,;:!?'’»)\]}]/.test(last)) return address;
    address = address.slice(0, -1);
  }
}

/** A link to this address; nothing if it is not one. */
function chatLink(address) {
  const url = URL.parse ? URL.parse(address) : URL.canParse(address) && new URL(address);
  if (!url || !["http:", "https:"].includes(url.protocol)) return null;
  return make("a", { href: url.href, target: "_blank", rel: "noopener noreferrer", dir: "ltr" }, address);
}
