// ---- Texts are edited. Nothing that others have saved is replaced unasked, and nothing that was typed is lost.

/** Larger files are not edited, in bytes: with much more, typing in a text field becomes slow. */
const TEXT_EDITED = 1 << 20;
/** How long to wait for the response to a save, in milliseconds: so long, a slow phone needs for the largest text. */
const SAVE_PATIENCE = 120_000;
/** How many requests one press of Save sends at most. */
const SAVE_TRIES = 4;
/** How often to ask for a strong entity tag, and the pause between, in milliseconds: a file has none just after it was saved. */
const TAG_TRIES = 10;
const TAG_PAUSE = 400;
/** How many names for a copy are tried. */
const COPY_TRIES = 100;

/** The text that is edited; nothing otherwise. */
let edited = null;
let isSaving = false;
/** Stands where the text will be while it is loaded. */
let waiting = null;

const saveState = make("p", { className: "hint", role: "status" });
const failure = make("p", { className: "failed", role: "alert" });
const conflict = make("section", { hidden: true });
const other = make("div", { className: "other", hidden: true });
const area = make("textarea", { autocomplete: "off", autocapitalize: "off", spellcheck: false, oninput: showState });
area.setAttribute("aria-labelledby", title.id);
const editor = make("div", { className: "editor" }, failure, conflict, make("div", { className: "texts" }, area, other), saveState);

/** The server has refused a request, and says why. */
class Refused extends Error {}

const hasChanges = () => Boolean(edited) && area.value !== edited.saved;

function showState() {
  if (edited && !isSaving) saveState.textContent = hasChanges() ? words.not_saved : edited.isSaved ? words.saved : "";
}

function showEditor(next) {
  edited = next;
  area.value = next.saved;
  title.textContent = title.title = next.name;
  failure.textContent = saveState.textContent = "";
  endConflict();
  equipFor("edit");
  content.replaceChildren(editor);
  area.setSelectionRange(0, 0);
  area.scrollTop = 0;
  if (dialog.open) area.focus();
}

function forgetText() {
  edited = null;
  area.value = "";
  endConflict();
}

/** Opens the text at this encoded path. What cannot be saved again as it was is not opened. */
async function openEditor(path, name) {
  title.textContent = title.title = name;
  const loading = (waiting = make("p", { className: "hint", role: "alert" }, "…"));
  content.replaceChildren(loading);
  equipFor("edit");
  save.hidden = true;
  try {
    const { bytes, etag } = (await present(path)) ?? {};
    if (!loading.isConnected) return;
    if (!etag) throw new Refused(words.is_gone);
    if (!bytes) throw new Refused(fill(words.too_large_to_edit, { size: size(TEXT_EDITED) }));
    const next = { path, name, etag, ...asEdited(bytes), bytes, sent: [] };
    showEditor(next);
    if (!areEqual(toBytes(next, area.value), bytes)) {
      edited = null;
      throw new Refused(words.not_utf8);
    }
  } catch (error) {
    // Another text was opened meanwhile, or the dialog was closed.
    if (!loading.isConnected && (edited || !content.contains(editor))) return;
    content.replaceChildren(make("p", { role: "alert" }, messageOf(error)));
    save.hidden = true;
  }
}

function openEmptyEditor(path) {
  showEditor({ path, name: nameOf(path), isNew: true, saved: "", mark: "", ends: [], bytes: new Uint8Array(), sent: [] });
}

const messageOf = (error) => (error instanceof Refused ? error.message : words.no_answer);

// Text and bytes

/** A text in UTF-8 as a field has it, with what the field does not keep: the byte order mark, and the ends of lines. */
function asEdited(bytes) {
  let whole;
  try {
    whole = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(words.not_utf8);
  }
  const mark = whole.startsWith("\ufeff") ? "\ufeff" : "";
  const text = whole.slice(mark.length);
  return { mark, ends: text.match(/\r\n|\n|\r/g) ?? [], saved: text.replace(/\r\n?/g, "\n") };
}

/** The bytes of a text. Lines that were not changed keep their ends, and others get the end that most lines have. */
function toBytes({ mark, ends, saved }, value) {
  return new TextEncoder().encode(mark + withEnds(saved.split("\n"), ends, value.split("\n")));
}

function withEnds(old, ends, lines) {
  const count = (end) => ends.filter((one) => one === end).length;
  const usual = ["\n", "\r\n", "\r"].reduce((best, end) => (count(end) > count(best) ? end : best));
  if (count(usual) === ends.length) return lines.join(usual);
  const most = Math.min(old.length, lines.length) - 1;
  let [first, last] = [0, 0];
  while (first < most && old[first] === lines[first]) first++;
  while (last < most - first && old.at(-1 - last) === lines.at(-1 - last)) last++;
  const endOf = (at) => (at < first ? ends[at] : at >= lines.length - 1 - last ? ends[old.length - lines.length + at] : usual);
  return lines.map((line, at) => line + (at < lines.length - 1 ? (endOf(at) ?? usual) : "")).join("");
}

const areEqual = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

// Requests

/** The file as it is now: its strong entity tag, and its bytes if they can be edited; nothing if there is none. */
async function present(path) {
  for (let tries = 1; ; tries++) {
    const answer = await send(path, { cache: "no-store" });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Refused(await reason(answer));
    const [etag, length] = [answer.headers.get("ETag"), Number(answer.headers.get("Content-Length"))];
    const isEdited = length <= TEXT_EDITED && !answer.headers.get("Content-Encoding");
    const bytes = isEdited ? new Uint8Array(await answer.arrayBuffer()) : void answer.body?.cancel();
    if (etag?.startsWith('"')) return { etag, bytes: bytes?.length <= TEXT_EDITED ? bytes : null };
    if (tries === TAG_TRIES) throw new Refused(words.changes_often);
    await pause(TAG_PAUSE);
  }
}

/** Sends a request. If the session has ended, it waits for another login, and sends it again. */
async function send(path, request) {
  for (;;) {
    const answer = await fetch(path, { ...request, signal: AbortSignal.timeout(SAVE_PATIENCE) });
    if (!needsLogin(answer)) return answer;
    const href = `${own}login?next=${encodeURIComponent(here + location.search)}`;
    // The editor is not shown before the text is there.
    const [line, usual] = waiting?.isConnected ? [waiting, "…"] : [failure, ""];
    line.replaceChildren(...phrase(words.logged_out, { log_in: make("a", { href, target: "_blank" }, words.log_in) }));
    saveState.textContent = words.not_saved;
    await login();
    line.textContent = usual;
  }
}

/** Why a request was refused, as a sentence. A proxy's page is not shown. */
async function reason(answer) {
  const isText = answer.headers.get("Content-Type")?.startsWith("text/plain");
  const text = isText && (await answer.text()).trim();
  return sentence(text || fill(words.refused, { status: answer.status }));
}

// Saving

/** Saves the text. `step` sends one request, and returns whether it is the last one. */
async function saveText(step = sendText) {
  const mine = edited;
  if (!mine || isSaving) return;
  if (!hasChanges() && !mine.isNew && step === sendText && conflict.hidden) return void (saveState.textContent = words.saved);
  isSaving = true;
  failure.textContent = "";
  saveState.textContent = words.is_being_saved;
  try {
    for (let tries = 1; edited === mine && !(await step(mine)); tries++) {
      if (tries === SAVE_TRIES) throw new Refused(words.changes_often);
    }
  } catch (error) {
    if (edited === mine) failure.textContent = error instanceof Refused ? error.message : words.save_unanswered;
  } finally {
    isSaving = false;
    showState();
  }
}

async function sendText(mine) {
  const text = area.value;
  const bytes = toBytes(mine, text);
  if (!mine.isNew && !mine.etag) {
    // It was saved here before: the response has no entity tag.
    const now = await present(mine.path);
    if (!now?.bytes || !areEqual(now.bytes, mine.bytes)) return differs(mine, now, text, bytes);
    mine.etag = now.etag;
  }
  mine.sent = [...mine.sent.slice(1 - SAVE_TRIES), bytes];
  const guard = mine.isNew ? { "If-None-Match": "*" } : { "If-Match": mine.etag };
  const answer = await send(mine.path, { method: "PUT", headers: { ...asMember(), ...guard }, body: bytes });
  if (answer.status === 412) return differs(mine, await present(mine.path), text, bytes);
  if (!answer.ok) throw new Refused(await reason(answer));
  isStored(mine, text, bytes);
  return true;
}

/** The file is not the one that this text was made from. Perhaps it was saved here, and the response was lost. */
function differs(mine, now, text, bytes) {
  const is = (known) => now?.bytes && areEqual(now.bytes, known);
  if (is(bytes)) return isStored(mine, text, bytes), true;
  if (mine.sent.some(is)) {
    Object.assign(mine, { isNew: false, etag: now.etag, bytes: now.bytes });
    return false;
  }
  showConflict(mine, now);
  return true;
}

function isStored(mine, text, bytes) {
  if (edited !== mine) return;
  Object.assign(mine, asEdited(bytes), { saved: text, bytes, etag: null, isNew: false, sent: [], isSaved: true });
  endConflict();
  changed();
}

/** Saves the text under another name, which nobody has: `a (1).txt` for `a.txt`. */
async function saveCopy(mine) {
  const text = area.value;
  const bytes = toBytes(mine, text);
  for (let number = 1; number <= COPY_TRIES; number++) {
    const path = beside(mine.path, `%20(${number})`);
    const answer = await send(path, { method: "PUT", headers: { ...asMember(), "If-None-Match": "*" }, body: bytes });
    const found = answer.status === 412 && (await present(path));
    // It may have been saved here before, and the response was lost.
    if (!answer.ok && !(found?.bytes && areEqual(found.bytes, bytes))) {
      if (answer.status === 412) continue;
      throw new Refused(await reason(answer));
    }
    Object.assign(mine, { path, name: beside(mine.name, ` (${number})`) });
    title.textContent = title.title = mine.name;
    isStored(mine, text, bytes);
    return true;
  }
  throw new Refused(words.name_taken);
}

/** A path or a name with this before its ending. */
function beside(path, inserted) {
  const [dot, slash] = [path.lastIndexOf("."), path.lastIndexOf("/")];
  const end = dot > slash + 1 ? dot : path.length;
  return path.slice(0, end) + inserted + path.slice(end);
}

// Conflicts

/** Somebody else has changed the file: the user chooses what becomes of both texts. */
function showConflict(mine, now) {
  const what = mine.isNew ? words.exists_meanwhile : now ? words.changed_meanwhile : words.removed_meanwhile;
  const replace = () => {
    Object.assign(mine, { isNew: !now, etag: now?.etag });
    saveText();
  };
  const see = button(words.show_other, () => {
    other.hidden = !other.hidden;
    see.setAttribute("aria-expanded", String(!other.hidden));
  });
  see.setAttribute("aria-expanded", "false");
  if (now?.bytes) other.replaceChildren(make("h3", {}, words.other_version), numbered(decode(now.bytes)));
  other.hidden = true;
  const replaces = button(now ? words.replace_with_mine : words.save_again, replace);
  const copies = button(words.save_copy, () => saveText(saveCopy), "");
  const row = make("div", { className: "row" }, copies, replaces, ...(now?.bytes ? [see] : []));
  conflict.replaceChildren(make("p", { role: "alert" }, what), row);
  conflict.hidden = false;
  copies.focus();
}

function endConflict() {
  // The focus was on a button of the question.
  if (conflict.contains(document.activeElement)) area.focus();
  conflict.hidden = other.hidden = true;
  conflict.replaceChildren();
  other.replaceChildren();
}
