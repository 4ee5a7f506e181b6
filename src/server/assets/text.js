// ---- Texts with line numbers

/** How many bytes of a text are shown. */
const TEXT_SHOWN = 256 * 1024;
/** How many lines a browser lays out together when they scroll into view. */
const LINES_TOGETHER = 100;

function text(link) {
  const shown = make("div", { className: "text" }, "…");
  readStart(link.href).then(
    ([text, rest]) => {
      shown.replaceChildren(numbered(text));
      if (rest) shown.append(make("p", { className: "hint" }, fill(words.more_text, { size: size(rest) })));
    },
    () => shown.replaceChildren(make("p", { role: "alert" }, words.cannot_load_text)),
  );
  return shown;
}

/** The start of a text, and how many bytes follow. */
async function readStart(src) {
  const answer = await fetch(src, { headers: { Range: `bytes=0-${TEXT_SHOWN - 1}` } });
  if (answer.status === 416) return ["", 0];
  if (!answer.ok) throw answer.status;
  const length = Number(answer.headers.get("Content-Range")?.split("/")[1] ?? 0);
  return [decode(new Uint8Array(await answer.arrayBuffer())), Math.max(0, length - TEXT_SHOWN)];
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

/** The text, with a number before each line. The style sheet draws the numbers, so they are not copied with the text. */
function numbered(text) {
  const lines = text.split(/(?<=\n|\r(?!\n))/);
  const shown = make("pre", { tabIndex: 0 });
  shown.style.setProperty("--digits", String(lines.length).length);
  for (let first = 0; first < lines.length; first += LINES_TOGETHER) {
    const some = lines.slice(first, first + LINES_TOGETHER);
    const chunk = make("div", {}, ...some.map((line) => make("span", {}, line)));
    // What is not laid out is not counted.
    chunk.style.counterReset = `line ${first}`;
    chunk.style.setProperty("--lines", some.length);
    shown.append(chunk);
  }
  return shown;
}
