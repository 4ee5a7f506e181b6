
// ---- Uploads: files are dropped on the page or chosen; several run at once, each with a progress bar
if ($("#give")) {
  /** How many uploads run at once: a browser opens six connections, and the rest of the page needs some. */
  const AT_ONCE = 3;
  /** Files up to this many bytes are sent in one request. Uploads of larger ones can be resumed. */
  const SMALL = 1 << 20;
  /** How often to retry after a lost connection, and the longest wait between, in milliseconds. */
  const TRIES = 8;
  const LONGEST_WAIT = 30_000;
  /** How many rows of finished files are kept. */
  const DONE_ROWS = 20;

  const form = $("#give");
  const { conflict, hidden } = form.dataset;
  const title = make("p", { role: "status" });
  const all = button("Clear", cancelOrClear);
  const list = make("ol");
  const panel = make("section", { id: "uploads", ariaLabel: "Uploads" }, make("header", {}, title, all), list);
  const jobs = new Set();
  let waiting = [];

  // Requests

  class Stopped {}

  /** Sends a request and shows the progress of its body. Rejects if the connection is lost. */
  function request(job, method, url, headers, body = null, before = 0) {
    return new Promise((resolve, reject) => {
      const xhr = (job.xhr = new XMLHttpRequest());
      xhr.open(method, url);
      for (const [header, value] of Object.entries(headers)) xhr.setRequestHeader(header, value);
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

  /** Sends the file, or the rest of it. Falls back to a plain upload if a resumable one is not possible. */
  async function send(job) {
    const { file } = job;
    const url = here + encode(job.path);
    const guard = job.replace ? {} : { "If-None-Match": "*" };
    if (file.size <= SMALL || job.plain) return request(job, "PUT", url, guard, file);
    let from = 0;
    if (job.location) {
      const found = await request(job, "HEAD", job.location, {});
      if (found.status >= 500 || isComplete(found)) return found;
      const offset = found.getResponseHeader("Upload-Offset");
      if (offset === null) return whole(job);
      from = +offset;
    } else {
      const made = await request(job, "POST", url, { "Upload-Complete": "?0", "Upload-Length": file.size, ...guard });
      if (isLost(made)) return whole(job);
      if (made.status >= 400) return made;
      job.location = made.getResponseHeader("Location");
      // A server without resumable uploads has created an empty file.
      if (!job.location) return (job.replace = true), whole(job);
    }
    moved(job, from);
    const headers = { "Content-Type": "application/partial-upload", "Upload-Offset": from, "Upload-Complete": "?1" };
    const sent = await request(job, "PATCH", job.location, headers, file.slice(from), from);
    // Wrong offset: the retry asks for the right one.
    if (sent.status === 409 && !isComplete(sent)) throw sent;
    return isLost(sent) ? whole(job) : sent;
  }

  /** Why a file was refused, in a line. Plain text is the server's; a proxy's HTML page is not shown. */
  function reason(answer) {
    const isText = /^text.plain/.test(answer.getResponseHeader("Content-Type"));
    const said = isText && answer.responseText.trim();
    return said || (answer.status === 413 ? "too large for the proxy in front of the server (413)" : `refused (${answer.status})`);
  }

  /** Uploads a file, with retries. */
  async function run(job) {
    for (let tries = 0, most = job.loaded; ; ) {
      if (job.stopped) return drop(job);
      try {
        const answer = await send(job);
        const { status } = answer;
        if (status < 300) return end(job, "done", size(job.file.size));
        const exists = status === 412 || (status === 409 && conflict === "refuse");
        if (!exists) return end(job, "failed", reason(answer));
        if (!(await settle(job))) return drop(job);
      } catch (error) {
        if (error instanceof Stopped) return drop(job);
        job.plain ||= error.status === 409 && tries > 1;
        if (job.loaded > most) [tries, most] = [0, job.loaded];
        if (++tries > TRIES) return end(job, "failed", "the server does not respond");
        const wait = Math.min(500 * 2 ** tries, LONGEST_WAIT);
        say(job, `connection lost, retrying in ${Math.ceil(wait / 1000)} s`);
        await Promise.race([pause(wait), job.stop, new Promise((online) => addEventListener("online", online, { once: true }))]);
      }
    }
  }

  // Names that already exist

  let asking = Promise.resolve();

  /** Asks what to do if a name exists, one question at a time. Returns whether to send the file. */
  function settle(job) {
    asking = asking.then(async () => {
      const choice = job.batch.choice ?? (await ask(job));
      if (choice === "replace") job.replace = true;
      if (choice === "both") job.path = await beside(job.path);
      job.location = null;
      job.row && name(job);
      return choice !== "skip";
    });
    return asking;
  }

  function ask(job) {
    return new Promise((answer) => {
      const every = make("input", { type: "checkbox" });
      const heading = make("h2", { id: "question" }, `${job.path} already exists`);
      const choice = (value, text, look) => button(text, () => dialog.close(value), look);
      const replace = conflict === "refuse" ? [] : [choice("replace", "Replace")];
      const buttons = make("div", { className: "row" }, choice("both", "Keep both", ""), ...replace, choice("skip", "Skip"));
      const same = make("label", {}, every, " Do the same for all others");
      const dialog = make("dialog", {}, heading, "Replace it?", same, buttons);
      dialog.setAttribute("aria-labelledby", heading.id);
      dialog.onclose = () => {
        const choice = dialog.returnValue || "skip";
        if (every.checked) job.batch.choice = choice;
        dialog.remove();
        answer(choice);
      };
      document.body.append(dialog);
      dialog.showModal();
      buttons.firstChild.focus();
    });
  }

  /** The names in a subdirectory. */
  async function names(directory) {
    const url = new URL(here + encode(directory), location.href);
    const answer = await fetch(`${url}?list`, { headers: { Accept: "application/json" } });
    return new Set(answer.ok ? (await answer.json()).entries.map((entry) => entry.name) : []);
  }

  const directoryOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

  /** A free name: `a (1).txt` for `a.txt`. */
  async function beside(path) {
    const taken = await names(directoryOf(path));
    const dot = path.lastIndexOf(".");
    const end = dot > directoryOf(path).length ? dot : path.length;
    for (let number = 1; ; number++) {
      const next = `${path.slice(0, end)} (${number})${path.slice(end)}`;
      if (!taken.has(next.slice(directoryOf(path).length))) return next;
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
        if (!known.has(directory)) known.set(directory, above.has(part) ? await names(directory) : new Set());
      }
      job.exists = known.get(directory).has(parts.at(-1));
    }
  }

  // The queue and its display

  async function give(files) {
    const visible = hidden ? files : files.filter(([path]) => !path.split("/").some((part) => part.startsWith(".")));
    const options = {};
    const batch = visible.map(([path, file]) => {
      const job = { path, file, batch: options, state: "waiting", loaded: 0, replace: conflict === "rename" };
      job.stop = new Promise((stop) => (job.cancel = () => ((job.stopped = true), job.xhr?.abort(), stop())));
      return job;
    });
    if (conflict !== "rename") await mark(batch).catch(() => {});
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
    if (job.exists && !(await settle(job))) drop(job);
    else await run(job);
    next();
  }

  function show(job) {
    if (!panel.isConnected) $(".tools").after(panel);
    job.name = make("a", {}, make("bdi"));
    job.said = make("small");
    job.bar = make("progress", { max: job.file.size || 1, value: 0 });
    job.button = button("Cancel", job.cancel);
    const row = make("li", {}, job.name, job.said, job.bar, job.button);
    job.row ? job.row.replaceWith(row) : list.append(row);
    job.row = row;
    name(job);
    say(job, "waiting");
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
    say(job, `${size(loaded)} of ${size(job.file.size)}` + (job.speed > 0 ? `, ${size(Math.round(job.speed))}/s` : ""));
  }

  function end(job, state, text) {
    job.state = state;
    job.row.className = state;
    say(job, state === "done" ? `uploaded, ${text}` : text);
    job.bar.remove();
    job.button.remove();
    if (state === "failed") {
      job.button = button("Retry", () => retry(job));
      job.row.append(job.button);
      name(job);
    } else {
      job.name.href = here + encode(job.path);
      refresh();
      const done = list.getElementsByClassName("done");
      if (done.length > DONE_ROWS) done[0].remove();
    }
  }

  function retry(job) {
    Object.assign(job, { state: "waiting", exists: false, plain: false, sample: null, speed: 0 });
    waiting.push(job);
    next();
  }

  /** Removes a file from the queue. */
  function drop(job) {
    if (job.location) fetch(job.location, { method: "DELETE" }).catch(() => {});
    job.row?.remove();
    jobs.delete(job);
  }

  function summary() {
    const [done, failed, left] = [count("done"), count("failed"), going() + count("waiting")];
    const parts = [left && `${left} to go`, done && `${done} uploaded`, failed && `${failed} failed`];
    title.textContent = parts.filter(Boolean).join(", ");
    all.textContent = left ? "Cancel all" : "Clear";
    if (!jobs.size) panel.remove();
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
    give([...target.files].map((file) => [file.name, file]));
    form.reset();
  };

  /** Every file below a dropped entry, with its path. */
  async function walk(entry, found = []) {
    if (entry.isFile) {
      found.push([entry.fullPath.slice(1), await new Promise((file, error) => entry.file(file, error))]);
      return found;
    }
    const reader = entry.createReader();
    for (;;) {
      // Returns up to a hundred entries at a time, and none at the end.
      const some = await new Promise((entries, error) => reader.readEntries(entries, error));
      if (!some.length) return found;
      for (const one of some) await walk(one, found);
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
    const found = await Promise.all(entries.map((entry) => walk(entry)));
    give(found.flat());
  });
  addEventListener("beforeunload", (event) => going() && event.preventDefault());
}
