
// ---- Uploads: files are dropped on the page or chosen; several run at once, each with a progress bar
if ($("#give")) {
  /** How many uploads run at once: a browser opens six connections, and the rest of the page needs some. */
  const AT_ONCE = 3;
  /** Files up to this many bytes are sent in one request. Uploads of larger ones can be resumed. */
  const SMALL = 1 << 20;
  /** How often to retry after a lost connection, and the longest wait between, in milliseconds. */
  const TRIES = 8;
  const LONGEST_WAIT = 30_000;
  /** The version of the draft "Resumable Uploads for HTTP" that requests follow. */
  const DRAFT = { "Upload-Draft-Interop-Version": "9" };
  /** How many rows of finished files are kept. */
  const DONE_ROWS = 20;
  /** A file up to this many bytes is compared with the one of the same name and size. */
  const COMPARED = 64 << 20;

  const form = $("#give");
  const { conflict, hidden } = form.dataset;
  const title = make("p", { role: "status" });
  const sums = make("p", { className: "hint" });
  const all = button(words.clear, cancelOrClear);
  const sumBar = make("progress", { ariaLabel: words.all_uploads });
  const list = make("ol");
  const done = make("ol");
  const folded = make("details", {}, make("summary", {}, words.finished), done);
  const panel = make("section", { id: "uploads", ariaLabel: words.uploads }, make("header", {}, title, all), sums, sumBar, list, folded);
  const jobs = new Set();
  let waiting = [];
  /** The uploads since the queue was last empty: the totals count these. */
  let round = 0;
  let sample = null;
  let speed = 0;

  // Requests

  class Stopped {}

  /** Sends a request and shows the progress of its body. Rejects if the connection is lost. */
  function request(job, method, url, headers, body = null, before = 0) {
    return new Promise((resolve, reject) => {
      if (job.stopped) return reject(new Stopped());
      const xhr = (job.xhr = new XMLHttpRequest());
      xhr.open(method, url);
      for (const [header, value] of Object.entries({ ...asMember(), ...headers })) xhr.setRequestHeader(header, value);
      job.saves = job.button.disabled = false;
      xhr.upload.onload = () => method === "PUT" && saves(job);
      xhr.upload.onprogress = ({ loaded }) => moved(job, before + loaded);
      xhr.onload = () => resolve(xhr);
      xhr.onerror = reject;
      xhr.onabort = () => reject(new Stopped());
      xhr.send(body);
    });
  }

  /** Whether the upload cannot be resumed; the file itself was not refused. */
  const isLost = ({ status }) => [404, 405, 410, 501, 503].includes(status);

  /** Whether the server has received the whole file. */
  const isComplete = (xhr) => xhr.getResponseHeader("Upload-Complete") === "?1";

  const whole = (job) => ((job.plain = true), send(job));

  /** The server has all content and saves it: from here on, the upload cannot be cancelled. */
  function saves(job) {
    job.saves = job.button.disabled = true;
    say(job, words.saving);
  }

  /** An empty directory has a slash at the end of its path. The upload of a file creates the directories above it. */
  const isDirectory = ({ path }) => path.endsWith("/");

  /** Creates an empty directory, and those above it that do not exist. */
  async function makeDirectory(job) {
    const make = (path) => request(job, "MKCOL", here + encode(path), {});
    let answer = await make(job.path);
    if (answer.status === 409) {
      for (const { index } of job.path.matchAll(/\//g)) {
        answer = await make(job.path.slice(0, index + 1));
        // 405: it exists.
        if (answer.status >= 300 && answer.status !== 405) return answer;
      }
    }
    if (answer.status !== 405) return answer;
    const found = await request(job, "HEAD", here + encode(job.path), {});
    return found.status < 300 ? found : answer;
  }

  /** Sends the file, or the rest of it. Falls back to a plain upload if a resumable one is not possible. */
  async function send(job) {
    const { file } = job;
    const url = here + encode(job.path);
    const guard = job.replace ? {} : { "If-None-Match": "*" };
    const about = { "X-OC-MTime": Math.floor(file.lastModified / 1000), ...guard };
    if (file.size <= SMALL || job.plain) return request(job, "PUT", url, about, file);
    let from = 0;
    if (job.location) {
      const found = await request(job, "HEAD", job.location, DRAFT);
      if (found.status >= 500 || isComplete(found)) return found;
      const offset = found.getResponseHeader("Upload-Offset");
      if (offset === null) return whole(job);
      from = +offset;
    } else {
      const made = await request(job, "POST", url, { ...DRAFT, "Upload-Complete": "?0", "Upload-Length": file.size, ...about });
      if (isLost(made)) return whole(job);
      if (made.status >= 400) return made;
      job.location = made.getResponseHeader("Location");
      // A server without resumable uploads has created an empty file.
      if (!job.location) return (job.replace = true), whole(job);
    }
    moved(job, from);
    const patch = (offset, isLast, content) => {
      const headers = {
        ...DRAFT,
        "Content-Type": "application/partial-upload",
        "Upload-Offset": offset,
        "Upload-Complete": isLast ? "?1" : "?0",
      };
      return request(job, "PATCH", job.location, headers, content, offset);
    };
    // First the content, then an empty part that saves the file: until then, the upload can be cancelled.
    if (from < file.size) {
      const sent = await patch(from, false, file.slice(from));
      // Wrong offset: the retry asks for the right one.
      if (sent.status === 409) throw sent;
      if (isLost(sent)) return whole(job);
      if (sent.status >= 300) return sent;
    }
    const saved = patch(file.size, true, null);
    saves(job);
    const last = await saved;
    if (last.status === 409 && !isComplete(last)) throw last;
    return isLost(last) ? whole(job) : last;
  }

  /** Why a file was refused, in a line. Plain text is the server's; a proxy's HTML page is not shown. */
  function reason(answer) {
    const isText = /^text.plain/.test(answer.getResponseHeader("Content-Type"));
    const said = isText && answer.responseText.trim();
    return said || (answer.status === 413 ? words.too_large_for_proxy : fill(words.refused, { status: answer.status }));
  }

  /** Uploads a file, with retries. */
  async function run(job) {
    for (let tries = 0, most = job.loaded; ; ) {
      if (job.stopped) return drop(job);
      try {
        if (job.asks && !(await settle(job))) return drop(job);
        const answer = await (isDirectory(job) ? makeDirectory(job) : send(job));
        const { status } = answer;
        if (status < 300) return end(job, "done", isDirectory(job) ? words.created : fill(words.uploaded_size, { size: size(job.file.size) }));
        if (status === 401) {
          say(job, words.waiting_for_login);
          await Promise.race([login(), job.stop]);
          continue;
        }
        if (isDirectory(job)) return end(job, "failed", reason(answer));
        // In a subdirectory, this client may have fewer rights than here.
        const isKept = status === 409 && job.replace && !job.isKept && conflict === "overwrite";
        job.isKept ||= isKept;
        const exists = status === 412 || isKept || (status === 409 && conflict === "refuse");
        if (!exists) return end(job, "failed", reason(answer));
        [job.asks, job.exists] = [true, null];
      } catch (error) {
        if (error instanceof Stopped) return drop(job);
        if (!(await isReadable(job.file))) return end(job, "failed", words.unreadable_or_changed);
        job.plain ||= error.status === 409 && tries > 1;
        if (job.loaded > most) [tries, most] = [0, job.loaded];
        if (++tries > TRIES) return end(job, "failed", words.no_answer_to_upload);
        const wait = Math.min(500 * 2 ** tries, LONGEST_WAIT);
        say(job, fill(words.connection_lost, { seconds: Math.ceil(wait / 1000) }));
        await Promise.race([pause(wait), job.stop, new Promise((online) => addEventListener("online", online, { once: true }))]);
      }
    }
  }

  /** Whether the browser can still read it. */
  const isReadable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

  // Names that already exist

  let asking = Promise.resolve();

  /** Asks what to do if a name exists, one question at a time. Returns whether to send the file. */
  function settle(job) {
    asking = asking.catch(() => {}).then(async () => {
      if (job.stopped) return false;
      job.exists ??= (await names(directoryOf(job.path))).get(nameOf(job.path));
      const before = job.isKept && job.batch.choice === "replace" ? null : job.batch.choice;
      const choice = before ?? (await question(job));
      job.replace = choice === "replace";
      if (choice === "both") job.path = await beside(job.path);
      job.location = job.asks = null;
      name(job);
      return choice !== "skip";
    });
    return asking;
  }

  /** The size and the time of a file, for the question. */
  const facts = (text, bytes, time) => make("li", {}, fill(text, { size: size(bytes), time: clock.format(time) }));

  function question({ path, file, exists, batch, isKept }) {
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
        isSame(file, here + encode(path), closed.signal).then(show, () => {});
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

  /** The entries of a subdirectory, by name. */
  async function names(directory) {
    const url = new URL(here + encode(directory), location.href);
    const answer = await fetch(`${url}?list`, { headers: { Accept: "application/json" } });
    return new Map(answer.ok ? (await answer.json()).entries.map((entry) => [entry.name, entry]) : []);
  }

  const directoryOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);
  const nameOf = (path) => path.slice(directoryOf(path).length);

  /** A free name: `a (1).txt` for `a.txt`. */
  async function beside(path) {
    const taken = await names(directoryOf(path));
    const dot = path.lastIndexOf(".");
    const end = dot > directoryOf(path).length ? dot : path.length;
    for (let number = 1; ; number++) {
      const next = `${path.slice(0, end)} (${number})${path.slice(end)}`;
      if (!taken.has(nameOf(next))) return next;
    }
  }

  /** Finds out which names exist, to ask before anything is sent. */
  async function mark(batch) {
    const known = new Map([["", await names("")]]);
    for (const job of batch) {
      const parts = job.path.split("/");
      let directory = "";
      for (const part of parts.slice(0, -1)) {
        const above = known.get(directory);
        directory += `${part}/`;
        // A directory that does not exist is empty.
        if (!known.has(directory)) known.set(directory, above.has(part) ? await names(directory) : new Map());
      }
      job.exists = known.get(directory).get(parts.at(-1));
      job.asks = Boolean(job.exists);
    }
  }

  // The queue and its display

  const isShown = (path) => hidden || !path.split("/").some((part) => part.startsWith("."));

  async function give(files, unread = []) {
    const options = {};
    if (!going()) round++;
    const batch = files.filter(([path]) => isShown(path)).map(([path, file]) => {
      const job = { path, file, batch: options, round, state: "waiting", loaded: 0, replace: conflict === "rename" };
      job.stop = new Promise((stop) => (job.cancel = () => job.saves || ((job.stopped = true), job.xhr?.abort(), stop())));
      return job;
    });
    for (const path of unread.filter(isShown)) {
      const job = { path, file: new File([], path), round };
      jobs.add(job);
      show(job);
      end(job, "failed", words.cannot_be_read);
    }
    if (conflict !== "rename") await mark(batch.filter((job) => !isDirectory(job))).catch(() => {});
    batch.forEach((job) => jobs.add(job));
    waiting.push(...batch);
    next();
  }

  const count = (state) => [...jobs].filter((job) => job.state === state).length;
  const going = () => count("going");

  function next() {
    while (waiting.length && going() < AT_ONCE) start(waiting.shift());
    summary();
  }

  async function start(job) {
    job.state = "going";
    show(job);
    await run(job);
    next();
  }

  function show(job) {
    if (!panel.isConnected) $("main").append(panel);
    job.name = make("a", {}, make("bdi"));
    job.said = make("small");
    job.bar = make("progress", { max: job.file.size || 1, value: 0 });
    job.button = button(words.cancel, job.cancel);
    const row = make("li", {}, job.name, job.said, job.bar, job.button);
    job.row ? job.row.replaceWith(row) : list.append(row);
    job.row = row;
    name(job);
    say(job, words.waiting);
  }

  function name(job) {
    job.name.firstChild.textContent = job.path;
    job.bar.ariaLabel = job.path;
    job.button.ariaLabel = `${job.button.textContent} ${job.path}`;
  }

  const say = (job, text) => (job.said.textContent = text);

  /** Shows how much has been sent, and how fast. */
  function moved(job, loaded) {
    const now = performance.now();
    const [since, had] = job.sample ?? [now, loaded];
    job.sample ??= [now, loaded];
    if (now - since > 500) {
      const speed = (1000 * (loaded - had)) / (now - since);
      job.speed = job.speed ? 0.6 * job.speed + 0.4 * speed : speed;
      job.sample = [now, loaded];
    }
    job.bar.value = job.loaded = loaded;
    say(job, fill(words.sent_of, { sent: size(loaded), all: size(job.file.size) }) + perSecond(job.speed));
  }

  function end(job, state, text) {
    job.state = state;
    job.row.className = state;
    say(job, text);
    job.bar.remove();
    job.button.remove();
    if (state === "failed") {
      // What could not be read when it was dropped cannot be sent again.
      if (!job.batch) return;
      job.button = button(words.retry, () => retry(job));
      job.row.append(job.button);
      name(job);
    } else {
      job.name.href = here + encode(job.path);
      done.append(job.row);
      refresh();
      if (done.childElementCount > DONE_ROWS) done.firstChild.remove();
    }
  }

  function retry(job) {
    if (!going()) round++;
    Object.assign(job, { round, state: "waiting", asks: false, plain: false, sample: null, speed: 0 });
    waiting.push(job);
    next();
  }

  /** Removes a file from the queue. */
  function drop(job) {
    if (job.location) fetch(job.location, { method: "DELETE", headers: DRAFT }).catch(() => {});
    job.row?.remove();
    jobs.delete(job);
  }

  function summary() {
    const [saved, failed, left] = [count("done"), count("failed"), going() + count("waiting")];
    const parts = [left && fill(words.to_go, { count: left }), saved && fill(words.uploaded, { count: saved }), failed && fill(words.failed, { count: failed })];
    title.textContent = parts.filter(Boolean).join(", ");
    all.textContent = left ? words.cancel_all : words.clear;
    folded.hidden = !saved;
    if (!jobs.size) panel.remove();
    showSums();
  }

  let timer;

  /** Shows how much of all files has been sent, how fast, and how long the rest takes. */
  function showSums() {
    const counted = [...jobs].filter((job) => job.round === round && job.state !== "failed");
    const sum = (bytes) => counted.reduce((sum, job) => sum + bytes(job), 0);
    const total = sum((job) => job.file.size);
    const sent = sum((job) => (job.state === "done" ? job.file.size : job.loaded));
    const now = performance.now();
    const isGoing = going() > 0;
    if (!isGoing) [sample, speed, timer] = [null, 0, clearInterval(timer)];
    else timer ??= setInterval(showSums, 500);
    sample ??= [now, sent];
    if (now - sample[0] > 400) {
      const latest = Math.max(0, (1000 * (sent - sample[1])) / (now - sample[0]));
      speed = speed ? 0.8 * speed + 0.2 * latest : latest;
      sample = [now, sent];
    }
    const rate = isGoing && speed >= 1 ? perSecond(speed) + fill(words.time_left, { time: duration((total - sent) / speed) }) : "";
    sums.textContent = isGoing ? fill(words.sent_of, { sent: size(sent), all: size(total) }) + rate : counted.length ? size(total) : "";
    sumBar.hidden = !isGoing;
    [sumBar.max, sumBar.value] = [total || 1, sent];
  }

  const perSecond = (speed) => (speed > 0 ? fill(words.per_second, { speed: size(Math.round(speed)) }) : "");

  /** A time in seconds, in words. */
  function duration(seconds) {
    if (seconds < 60) return fill(words.seconds, { count: Math.ceil(seconds) });
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? fill(words.minutes, { count: minutes }) : fill(words.hours, { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
  }

  function cancelOrClear() {
    const dropped = waiting.length || going() ? waiting : [...jobs];
    waiting = [];
    jobs.forEach((job) => job.state === "going" && job.cancel());
    dropped.forEach(drop);
    summary();
  }

  // Sources of files

  form.onchange = ({ target }) => {
    give([...target.files].map((file) => [file.webkitRelativePath || file.name, file]));
    form.reset();
  };

  /** Collects the files and empty directories below a dropped entry with their paths, and the paths of what cannot be read. */
  async function walk(entry, found, unread) {
    const seen = () => found.length + unread.length;
    const before = seen();
    try {
      if (entry.isFile) {
        found.push([entry.fullPath.slice(1), await new Promise((file, error) => entry.file(file, error))]);
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        // Returns up to a hundred entries at a time, and none at the end.
        const some = await new Promise((entries, error) => reader.readEntries(entries, error));
        if (!some.length) break;
        for (const one of some) if (isShown(one.fullPath)) await walk(one, found, unread);
      }
      if (seen() === before) found.push([`${entry.fullPath.slice(1)}/`, new File([], "")]);
    } catch {
      unread.push(entry.fullPath.slice(1));
    }
  }

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("drop");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("drop"));
  addEventListener("drop", async (event) => {
    document.body.classList.remove("drop");
    if (!hasFiles(event)) return;
    event.preventDefault();
    // The entries are available only during the event.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const [found, unread] = [[], []];
    for (const entry of entries) await walk(entry, found, unread);
    give(found, unread);
  });
  addEventListener("beforeunload", (event) => going() && event.preventDefault());
}
