
// ---- The card that shows all uploads

/** How many rows of finished files are kept. */
const DONE_ROWS = 20;

const title = make("p", { role: "status" });
const sums = make("p", { className: "hint" });
const all = button(words.clear, cancelOrClear);
const sumBar = make("progress", { ariaLabel: words.all_uploads });
const list = make("ol");
const done = make("ol");
const folded = make("details", {}, make("summary", {}, words.finished), done);
const fold = button(words.details, () => setFolded(fold.ariaExpanded === "true"));
const head = make("header", {}, title, fold, all);
const panel = make("section", { id: "uploads", ariaLabel: words.uploads }, head, sums, sumBar, list, folded);
setFolded(matchMedia("(max-width: 40rem)").matches);

let sample = null;
let speed = 0;

/** Shows the totals only, or each file too. */
function setFolded(isFolded) {
  fold.ariaExpanded = !isFolded;
  panel.classList.toggle("folded", isFolded);
}

// What the card covers is left free at the lower edge.
new ResizeObserver(() => document.documentElement.style.setProperty("--dock", `${panel.offsetHeight}px`)).observe(panel);

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
  if (state === "done" && job.location) forget(urlOf(job), job.location);
  job.ends(state === "done" ? job.href ?? urlOf(job) : null);
  job.row.className = state;
  say(job, text);
  job.bar.remove();
  job.button.remove();
  if (state === "failed") {
    setFolded(false);
    // What could not be read when it was dropped cannot be sent again.
    if (!job.batch) return;
    job.button = button(words.retry, () => retry(job));
    job.row.append(job.button);
    name(job);
  } else {
    job.name.href = job.href ?? urlOf(job);
    done.append(job.row);
    refresh();
    if (done.childElementCount > DONE_ROWS) done.firstChild.remove();
  }
}

function summary() {
  const [saved, failed, left] = [count("done"), count("failed"), going() + count("waiting")];
  const parts = [left && fill(words.to_go, { count: left }), saved && fill(words.uploaded, { count: saved }), failed && fill(words.failed, { count: failed })];
  title.textContent = parts.filter(Boolean).join(", ");
  all.textContent = left ? words.cancel_all : words.clear;
  folded.hidden = !saved;
  head.hidden = !jobs.size;
  showBroken();
  if (!jobs.size && !broken.size) panel.remove();
  else if (!panel.isConnected) $("main").append(panel);
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
