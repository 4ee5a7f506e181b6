
// ---- What is done with the selection: a bar offers it, and requests run a few at a time

/** How many requests run at once: a browser opens six connections, and the rest of the page needs some. */
const CHANGES_AT_ONCE = 3;
/** How many of the things that failed are listed. */
const FAILED_SHOWN = 100;
/** How often the progress is shown, in milliseconds: a screen reader says it, too. */
const PROGRESS = 500;
/** Links up to this length lead to a zip: any server and proxy takes them. Names that are longer together are posted. */
const LONGEST_LINK = 2000;

/** What runs now, if anything does: its progress in words, and whether it stops after the requests under way. */
let running = null;

const sum = make("p", { role: "status" });
const actions = make("div", { className: "row" });
const stop = button(words.stop, () => running && (running.stops = true));
const unselect = button("×", clearSelection);
unselect.ariaLabel = unselect.title = words.clear_selection;
const bar = make("div", { id: "bar", role: "toolbar", ariaLabel: words.selection, hidden: true }, sum, actions, stop, unselect);

const single = (act) => (links) => act(links[0]);
const canZip = () => Boolean($(".all [name=zip]"));
const canCopy = may.has("add") || may.has("remove");
/** The buttons: the text, what is done with the links of the selection, and whether it is offered. */
const offers = [
  [words.download, download, () => canZip()],
  [words.move, moveAll, () => may.has("remove")],
  [words.copy, copyAll, () => canCopy],
  [words.delete, removeAll, () => may.has("remove")],
  [words.share, single(shareOne), (count) => count === 1 && $("#share")],
].map(([text, act, isOffered]) => {
  const offer = button(text, () => act(chosenRows().map(linkIn)));
  actions.append(offer);
  return [offer, isOffered];
});

/** Shows what is selected, or what runs. */
function showSelection() {
  const chosen = running ? [] : chosenRows();
  if (!bar.isConnected) $("main").append(bar);
  const wasThere = bar.contains(document.activeElement);
  bar.hidden = !running && !selected.size;
  document.body.classList.toggle("selecting", !bar.hidden);
  stop.hidden = !running;
  actions.hidden = !chosen.length;
  unselect.hidden = Boolean(running);
  sum.textContent = running ? running.text : selected.size ? sumOf(chosen) : "";
  for (const [offer, isOffered] of offers) offer.hidden = !isOffered(chosen.length);
  if (wasThere && document.activeElement.offsetParent === null) keepFocus();
  const all = $("#files th .pick input");
  if (!all) return;
  all.checked = chosen.length > 0 && chosen.length === shownRows().length;
  all.indeterminate = chosen.length > 0 && !all.checked;
}

/** The focused button of the bar is hidden now: moves the focus to one that is not, or else back to the rows. */
function keepFocus() {
  const shown = [...bar.querySelectorAll("button")].find((one) => one.offsetParent);
  const links = shownLinks();
  const link = links.find((link) => link.getAttribute("href") === anchor) ?? links[0];
  (shown ?? link)?.focus({ preventScroll: true });
}

/** How many are selected, and how large the files among them are together. */
function sumOf(chosen) {
  const bytes = chosen.map((row) => bytesIn(row.cells[1].textContent)).filter((bytes) => bytes >= 0);
  const text = fill(words.selected, { count: chosen.length }) + (bytes.length ? `, ${size(bytes.reduce((one, other) => one + other))}` : "");
  const hidden = selected.size - chosen.length;
  return hidden ? text + fill(words.hidden_by_filter, { count: hidden }) : text;
}

/** The number of bytes that a formatted size says; nothing for a folder, which has none. */
function bytesIn(text) {
  const [, number, unit] = /^([\d.]+) ([KMGTPE]?)i?B$/.exec(text) ?? [];
  return number && Math.round(number * 1024 ** ("KMGTPE".indexOf(unit || " ") + 1));
}

// Running

/**
 * Does `act` to each thing, a few at once. It gets the thing and a function that shows an error, and returns the response to
 * a success. Returns what was done; what failed, and why; and what was not tried because the server did not respond, the
 * session ended, or the user stopped it.
 */
async function runAll(things, verb, act) {
  const [done, failed, rest] = [[], [], [...things]];
  let shownAt = 0;
  const show = () => {
    running.text = fill(words.done_of, { verb, done: done.length, all: things.length });
    if (Date.now() - shownAt < PROGRESS) return;
    shownAt = Date.now();
    showSelection();
  };
  running = { text: "", stops: false };
  show();
  const next = async (thing) => {
    let [why, status] = ["", null];
    const answer = await act(thing, (text, code) => ([why, status] = [text, code]));
    // The response to an earlier attempt was lost, but not its effect.
    const wasDone = thing.isLost && status === 404;
    if (answer || wasDone) done.push(thing);
    else if (why) failed.push([thing, why]);
    else rest.unshift(thing);
    thing.isLost = status === 0;
    if (!answer && (thing.isLost || !why)) running.stops = true;
    show();
  };
  const work = async () => {
    while (rest.length && !running.stops) await next(rest.shift());
  };
  // The response to the first one may set the cookie by which the trash knows its owner.
  await next(rest.shift());
  await Promise.all(Array.from({ length: CHANGES_AT_ONCE }, work));
  running = null;
  return { done, failed, rest };
}

/**
 * Runs a job: its `verb`, `act`, the text that says `told` about things that they were done, and the job that goes `back` for
 * what was done, if it can. `before` was done by an earlier attempt.
 */
async function runJob(job, things, before = []) {
  if (running || !things.length) return;
  const { done, failed, rest } = await runAll(things, job.verb, job.act);
  for (const { href } of done) if (job.takesAway) selected.delete(href);
  const left = [...failed.map(([thing]) => thing), ...rest];
  const all = [...before, ...done];
  showSelection();
  const [isDone, back] = [!left.length, job.back && job.back.of(all)];
  const undo = back?.length ? () => !running && (runJob(job.back, back), true) : null;
  const count = { verb: job.verb, done: all.length, all: all.length + left.length };
  const summary = isDone ? job.told(all) : fill(words.done_of, count);
  // The message does not wait for the listing.
  changed();
  if (!isDone && failed.length) return void showFailed(summary, failed, rest, () => runJob(job, left, all), () => tell(summary, undo));
  tell(summary, undo);
}

/** Lists what failed, and offers to try it again. */
function showFailed(summary, failed, rest, again, then) {
  const list = failed.slice(0, FAILED_SHOWN).map(([{ name }, why]) => make("li", {}, make("bdi", {}, name), ": ", make("span", { className: "hint" }, why)));
  const more = failed.length - list.length + rest.length;
  const note = more ? [make("p", { className: "hint" }, fill(words.not_done_either, { count: more }))] : [];
  let isRetried = false;
  const retry = () => (isRetried = true);
  const { dialog } = open(summary, words.retry, retry, make("p", {}, words.not_done), make("ul", { tabIndex: 0, ariaLabel: words.not_done }, ...list), ...note);
  dialog.addEventListener("close", () => (isRetried ? again() : then()));
}

addEventListener("beforeunload", (event) => running && event.preventDefault());

// The actions

const thingOf = (link) => ({ path: link.pathname, name: shownName(link), href: link.getAttribute("href") });
/** Says what was done: of one thing, with its name, and of several, with their number. */
const counted = (one, many, values = {}) => (things) => things.length === 1 ? fill(one, { name: things[0].name, ...values }) : fill(many, { count: things.length, ...values });
const lastOf = ({ path }) => path.slice(here.length);

const takenOut = {
  verb: words.delete,
  takesAway: true,
  act: async (thing, show) => {
    const answer = await call(show, "DELETE", thing.path);
    thing.id = answer?.headers.get("Wharf-Trash");
    return answer;
  },
  told: counted(words.deleted, words.deleted_many),
  back: {
    verb: words.restore,
    of: (things) => (may.has("restore") ? things.filter(({ id }) => id).map((thing) => ({ ...thing })) : []),
    act: ({ id }, show) => call(show, "POST", `${own}trash/${id}/restore`),
    told: counted(words.restored, words.restored_many),
  },
};

function removeAll(links) {
  if (links.length === 1) return remove(links[0]);
  const things = links.map(thingOf);
  if (may.has("restore")) return void runJob(takenOut, things);
  const hint = make("p", { className: "hint" }, words.keeps_nothing_of_them);
  open(fill(words.delete_for_good_many, { count: things.length }), words.delete, () => (runJob(takenOut, things), true), hint);
}

/** Sends each thing to a folder with this method. */
const sendTo = (method, folder) => (thing, show) => call(show, method, thing.path, { Destination: folder + lastOf(thing), Overwrite: "F" });

function moveAll(links) {
  if (links.length === 1) return move(links[0]);
  const things = links.map(thingOf);
  chooseFolder(fill(words.move_many, { count: things.length }), words.move_here, things.map(({ path }) => path), (folder) => {
    const back = {
      verb: words.move_back,
      of: (things) => things.map((thing) => ({ ...thing })),
      act: (thing, show) => call(show, "MOVE", folder + lastOf(thing), { Destination: thing.path, Overwrite: "F" }),
      told: counted(words.is_back, words.are_back),
    };
    const told = counted(words.moved, words.moved_many, { folder: folderName(folder) });
    runJob({ verb: words.move, takesAway: true, act: sendTo("MOVE", folder), told, back }, things);
    return true;
  });
}

function copyAll(links) {
  if (links.length === 1) return copy(links[0]);
  const things = links.map(thingOf);
  chooseFolder(fill(words.copy_many, { count: things.length }), words.copy_here, things.map(({ path }) => path), (folder) => {
    const back = {
      verb: words.delete,
      of: (things) => (may.has("restore") ? things.map((thing) => ({ ...thing })) : []),
      act: (thing, show) => call(show, "DELETE", folder + lastOf(thing)),
      told: counted(words.gone_again, words.copies_gone),
    };
    const told = counted(words.copied_name, words.copied_many, { folder: folderName(folder) });
    runJob({ verb: words.copy, act: sendTo("COPY", folder), told, back }, things);
    return true;
  });
}

// Downloading

/** A name in a query: `+` is a space there. */
const inQuery = (name) => name.replace(/[&+]/g, (one) => encodeURIComponent(one));

/**
 * Downloads one thing, or a zip of several. It is loaded into a frame: a page that uploads would ask before it is left. A frame that
 * has loaded something shows an error instead of a download.
 */
function download(links) {
  const [link] = links;
  const isFile = links.length === 1 && !slashOf(link);
  if (isFile) return void make("a", { href: link.pathname, download: "" }).click();
  if (links.length === 1) return void fetchInto(`${link.pathname}?zip`);
  const names = links.map((link) => link.pathname.slice(here.length).replace(/\/$/, ""));
  const url = `${here}?zip${names.map((name) => `&name=${inQuery(name)}`).join("")}`;
  if (url.length <= LONGEST_LINK) return void fetchInto(url);
  // A form cannot send names that are not UTF-8.
  const isText = (name) => nameOf(name) !== name || !name.includes("%");
  const odd = names.filter((name) => !isText(name));
  fetchInto(`${here}?zip${odd.map((name) => `&name=${inQuery(name)}`).join("")}`, names.filter(isText).map(nameOf));
}

/** Loads what may be a download; names are posted. */
function fetchInto(url, names = null) {
  const frame = make("iframe", { name: "download", hidden: true });
  const fields = (names ?? []).map((value) => make("input", { type: "hidden", name: "name", value }));
  const form = make("form", { action: url, method: "post", target: frame.name, hidden: true }, ...fields);
  $("iframe[name=download]")?.remove();
  document.body.append(frame, form);
  if (names) form.submit();
  else frame.src = url;
  form.remove();
  frame.onload = () => tellWhy(url, names && new URLSearchParams(names.map((name) => ["name", name])));
}

/** Asks for a download again, to say why there was none. */
async function tellWhy(url, body) {
  const method = body ? "POST" : "GET";
  const stops = new AbortController();
  const found = await call((why) => tell(why), method, url, {}, { body, signal: stops.signal });
  stops.abort();
  if (found) tell(words.try_again);
}

/** Opens the dialog for links to what this link leads to. */
async function shareOne(link) {
  (await load("share"))?.share(link.pathname, shownName(link));
}
