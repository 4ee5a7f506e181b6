
// ---- Names that exist already: the page asks, and replaces nothing without an answer

/** A file up to this many bytes is compared with the one of the same name and size. */
const COMPARED = 64 << 20;

let asking = Promise.resolve();

/** Asks what to do if a name exists, one question at a time. Returns whether to send the file. */
function settle(job) {
  asking = asking.catch(() => {}).then(async () => {
    if (job.stopped) return false;
    job.exists ??= (await names(job.folder + encode(directoryOf(job.path)))).get(nameOf(job.path));
    const before = job.isKept && job.batch.choice === "replace" ? null : job.batch.choice;
    const choice = before ?? (await question(job));
    job.replace = choice === "replace";
    if (job.location) forget(urlOf(job), job.location);
    if (choice === "both") job.path = await beside(job);
    job.location = job.asks = null;
    name(job);
    return choice !== "skip";
  });
  return asking;
}

/** The size and the time of a file, for the question. */
const facts = (text, bytes, time) => make("li", {}, fill(text, { size: size(bytes), time: clock.format(time) }));

function question(job) {
  const { path, file, exists, batch, isKept } = job;
  return new Promise((answer) => {
    const closed = new AbortController();
    const every = make("input", { type: "checkbox" });
    const heading = make("h2", { id: "question" }, fill(words.exists_already, { path }));
    const choice = (value, text, look) => button(text, () => dialog.close(value), look);
    const isFile = exists?.kind !== "directory";
    const mayReplace = isFile && !isKept && conflict === "overwrite";
    const replace = mayReplace ? [choice("replace", words.replace)] : [];
    const asks = mayReplace ? words.replace_it : isFile ? words.cannot_replace : words.is_folder;
    const buttons = make("div", { className: "row" }, choice("both", words.keep_both, ""), ...replace, choice("skip", words.skip));
    const same = make("label", {}, every, ` ${words.same_for_all}`);
    const verdict = make("p", { role: "status" }, asks);
    const both = exists && isFile ? [facts(words.in_folder, exists.size, new Date(exists.modified)), facts(words.your_file, file.size, file.lastModified)] : [];
    const dialog = make("dialog", {}, heading, make("ul", { className: "hint" }, ...both), verdict, same, buttons);
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.onclose = () => {
      const choice = dialog.returnValue || "skip";
      if (every.checked) batch.choice = choice;
      dialog.remove();
      closed.abort();
      answer(choice);
    };
    document.body.append(dialog);
    dialog.showModal();
    buttons.firstChild.focus();
    if (exists?.size === file.size && file.size <= COMPARED) {
      const show = (isSame) => {
        if (!isSame) return;
        verdict.textContent = `${words.same_content} ${asks}`;
        if (document.activeElement === buttons.firstChild) buttons.lastChild.focus();
      };
      isSame(file, urlOf(job), closed.signal).then(show, () => {});
    }
  });
}

/** Whether the file there has the same content. */
async function isSame(file, url, signal) {
  const answer = await fetch(url, { signal });
  if (!answer.ok) return false;
  let at = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) return at === file.size;
    const mine = new Uint8Array(await file.slice(at, at + value.length).arrayBuffer());
    if (value.some((byte, index) => byte !== mine[index])) return reader.cancel(), false;
    at += value.length;
  }
}

/** The entries of a directory, by name. */
async function names(url) {
  const answer = await fetch(`${url}?list`, { headers: { Accept: "application/json" } });
  return new Map(answer.ok ? (await answer.json()).entries.map((entry) => [entry.name, entry]) : []);
}

const directoryOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);
const nameOf = (path) => path.slice(directoryOf(path).length);

/** A free name: `a (1).txt` for `a.txt`. */
async function beside({ folder, path }) {
  const taken = await names(folder + encode(directoryOf(path)));
  const dot = path.lastIndexOf(".");
  const end = dot > directoryOf(path).length ? dot : path.length;
  for (let number = 1; ; number++) {
    const next = `${path.slice(0, end)} (${number})${path.slice(end)}`;
    if (!taken.has(nameOf(next))) return next;
  }
}

/** Finds out which names exist, to ask before anything is sent. */
async function mark(batch) {
  const known = new Map();
  async function listed(url, exists) {
    // A directory that does not exist is empty.
    if (!known.has(url)) known.set(url, exists ? await names(url) : new Map());
    return known.get(url);
  }
  for (const job of batch) {
    const parts = job.path.split("/");
    let url = job.folder;
    let entries = await listed(url, true);
    for (const part of parts.slice(0, -1)) {
      url += `${encodeURIComponent(part)}/`;
      entries = await listed(url, entries.has(part));
    }
    job.exists = entries.get(parts.at(-1));
    job.asks = Boolean(job.exists);
  }
}
