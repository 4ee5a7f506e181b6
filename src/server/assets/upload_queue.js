
// ---- The queue: several uploads run at once

/** How many uploads run at once: a browser opens six connections, and the rest of the page needs some. */
const AT_ONCE = 3;
/** How often to retry after a lost connection, and the longest wait between, in milliseconds. */
const TRIES = 8;
const LONGEST_WAIT = 30_000;

const jobs = new Set();
let waiting = [];
/** The uploads since the queue was last empty: the totals count these. */
let round = 0;
/** How many times `give` still finds out which names exist. */
let preparing = 0;

// Uploads files: a path, a file, and the directory for it if that is not this one. `unread` are the paths of what cannot be
// read. `choice` answers the question about names that exist; `isOnce` says that nobody can choose the file again. Returns a
// promise for each file: of where it was saved, or of nothing.
async function give(files, unread = [], options = {}) {
  if (!isBusy()) round++;
  const batch = files.filter(([path]) => isShown(path)).map(([path, file, folder = here]) => newJob(path, file, folder, options));
  for (const path of unread.filter(isShown)) {
    const job = newJob(path, new File([], path), here, null);
    jobs.add(job);
    show(job);
    end(job, "failed", words.cannot_be_read);
  }
  for (const job of batch) if (!options.isOnce && !isDirectory(job)) recall(job);
  preparing++;
  // The server has the conditions of what is continued.
  if (conflict !== "rename") await mark(batch.filter((job) => !isDirectory(job) && !job.isRecalled)).catch(() => {});
  preparing--;
  batch.forEach((job) => jobs.add(job));
  waiting.push(...batch);
  tellWindows();
  next();
  return batch.map((job) => job.ended);
}

function newJob(path, file, folder, batch) {
  const job = { path, file, folder, batch, round, state: "waiting", loaded: 0, replace: conflict === "rename" };
  job.stop = new Promise((stop) => (job.cancel = () => job.saves || ((job.stopped = true), job.xhr?.abort(), stop())));
  job.ended = new Promise((ends) => (job.ends = ends));
  return job;
}

const count = (state) => [...jobs].filter((job) => job.state === state).length;
const going = () => count("going");
const isUnfinished = ({ state }) => state === "going" || state === "waiting";
const isGoing = (url) => [...jobs].some((job) => isUnfinished(job) && urlOf(job) === url);
const isBusy = () => going() > 0 || waiting.length > 0 || preparing > 0;

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

/** Uploads a file, with retries. */
async function run(job) {
  for (let tries = 0, most = job.loaded; ; ) {
    if (job.stopped) return drop(job);
    try {
      if (job.asks && !(await settle(job))) return drop(job);
      const answer = await (isDirectory(job) ? makeDirectory(job) : send(job));
      const { status } = answer;
      if (status < 300 && conflict === "rename") job.href = savedAt(answer);
      if (status < 300) return end(job, "done", isDirectory(job) ? words.created : uploadedText(job));
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
      if (await wasSaved(job)) return end(job, "done", uploadedText(job));
      [job.asks, job.exists] = [true, null];
    } catch (error) {
      if (error instanceof Stopped) return drop(job);
      job.isCut = true;
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

const uploadedText = ({ file }) => fill(words.uploaded_size, { size: size(file.size) });

/** Whether an earlier attempt saved the file, and only the response was lost. */
async function wasSaved(job) {
  return job.isCut && job.file.size <= COMPARED && isSame(job.file, urlOf(job)).catch(() => false);
}

function retry(job) {
  if (!isBusy()) round++;
  Object.assign(job, { round, state: "waiting", asks: false, plain: false, sample: null, speed: 0 });
  waiting.push(job);
  next();
}

/** Removes a file from the queue. */
function drop(job) {
  if (job.location) {
    removePart(job.location).catch(() => {});
    forget(urlOf(job), job.location);
  }
  job.ends?.(null);
  job.row?.remove();
  jobs.delete(job);
}

function cancelOrClear() {
  const dropped = waiting.length || going() ? waiting : [...jobs];
  waiting = [];
  jobs.forEach((job) => job.state === "going" && job.cancel());
  dropped.forEach(drop);
  summary();
}

addEventListener("beforeunload", (event) => isBusy() && event.preventDefault());
findBroken();

export { give };
