
// ---- Uploads that broke off: they are remembered, and offered again

/** How many are remembered, and for how long, in milliseconds: longer than most servers keep the part that they have. */
const REMEMBERED = 50;
const KEPT = 7 * 24 * 3600 * 1000;

/** The uploads that broke off before this page was opened, by the path of their files, and how much of each the server has. */
const broken = new Map();
/** The paths of files that other windows upload now. */
const elsewhere = new Set();

const brokenTitle = make("p", { role: "status" });
const brokenList = make("ul");
const again = make("input", { type: "file", multiple: true, hidden: true, onchange: continueChosen });
const brokenCard = make("section", { className: "broken", ariaLabel: words.broken_uploads }, brokenTitle, brokenList, make("div", { className: "row" }, button(words.choose_again, () => again.click(), ""), button(words.forget, forgetAll)), again);

/** What is remembered, by the path of each file. The locations are secrets of this visitor, so they stay in the browser. */
function remembered() {
  let all;
  try {
    all = JSON.parse(localStorage.getItem(uploadsKey)) ?? [];
  } catch {
    all = [];
  }
  return new Map(Array.isArray(all) ? all.filter(isValid) : []);
}

/** Whether it is an upload of this server that is not too old. Other pages of this origin can write there too. */
function isValid(one) {
  const { path, folder, size, modified, location, begun } = one?.[1] ?? {};
  const isText = [path, folder, location].every((text) => typeof text === "string");
  return isText && [size, modified, begun].every(Number.isFinite) && location.startsWith(`${own}uploads/`) && Date.now() - begun < KEPT;
}

function store(all) {
  try {
    all.size ? localStorage.setItem(uploadsKey, JSON.stringify([...all].slice(-REMEMBERED))) : localStorage.removeItem(uploadsKey);
  } catch {
    // Where the browser stores nothing, uploads go on, and are not offered again.
  }
}

const removePart = (location) => fetch(location, { method: "DELETE", headers: DRAFT });

/** Remembers an upload whose part the server now has. An older part of the same file is deleted. */
function remember(job) {
  // What was pasted cannot be chosen again.
  if (job.batch.isOnce) return;
  const { path, folder, file, location } = job;
  const all = remembered();
  const old = all.get(urlOf(job));
  if (old && old.location !== location && !elsewhere.has(urlOf(job))) removePart(old.location).catch(() => {});
  all.delete(urlOf(job));
  store(all.set(urlOf(job), { path, folder, size: file.size, modified: file.lastModified, location, begun: Date.now() }));
}

/** Forgets the part that the server has, or had, of this file. */
function forget(url, location) {
  const all = remembered();
  if (all.get(url)?.location !== location) return;
  all.delete(url);
  store(all);
}

/** Takes up the upload of this file if it broke off: it has the same path, size and time. */
function recall(job) {
  const url = urlOf(job);
  const found = remembered().get(url);
  broken.delete(url);
  if (!found || elsewhere.has(url) || found.size !== job.file.size || found.modified !== job.file.lastModified) return;
  [job.location, job.isRecalled] = [found.location, true];
}

/** Finds out which of the remembered uploads can be continued. */
async function findBroken() {
  const all = remembered();
  store(all);
  for (const [url, entry] of all) {
    if (elsewhere.has(url) || isGoing(url)) continue;
    const found = await fetch(entry.location, { method: "HEAD", headers: DRAFT }).catch(() => null);
    const isOver = found && ([404, 410].includes(found.status) || found.headers.get("Upload-Complete") === "?1");
    if (isOver) forget(url, entry.location);
    else if (remembered().has(url) && !elsewhere.has(url) && !isGoing(url)) broken.set(url, { ...entry, has: found?.headers.get("Upload-Offset") });
  }
  summary();
}

/** An encoded path as text; one that is not UTF-8 stays encoded. */
function readable(path) {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function showBroken() {
  if (!broken.size) return brokenCard.remove();
  const row = ({ path, folder, has, size: all }) => make("li", {}, make("bdi", { title: readable(folder) }, path), make("small", {}, has ? fill(words.sent_of, { sent: size(+has), all: size(all) }) : size(all)));
  brokenTitle.textContent = broken.size === 1 ? words.one_broke_off : fill(words.many_broke_off, { count: broken.size });
  brokenList.replaceChildren(...[...broken.values()].map(row));
  if (!brokenCard.isConnected) panel.append(brokenCard);
}

/** Continues with the chosen files. One that has changed since is uploaded from the start, to where it was to go. */
function continueChosen() {
  const files = [...again.files];
  again.value = "";
  const entries = [...broken.values()];
  give(files.map((file) => {
    const named = entries.filter(({ path }) => nameOf(path) === file.name);
    const entry = named.find(({ size, modified }) => size === file.size && modified === file.lastModified) ?? named[0];
    return entry ? [entry.path, file, entry.folder] : [file.name, file];
  }));
}

/** Deletes the parts that the server has, and forgets them. */
async function forgetAll() {
  for (const [url, { location }] of [...broken]) {
    const answer = await removePart(location).catch(() => null);
    if (!answer || answer.status === 401 || answer.status >= 500) {
      brokenTitle.textContent = words.not_forgotten;
      return;
    }
    forget(url, location);
    broken.delete(url);
  }
  summary();
}

// The windows of this browser ask each other what they upload, so that none of them offers what another sends.
const uploaders = new BroadcastChannel(`wharf-uploads ${own}`);
const tellWindows = () => uploaders.postMessage({ going: [...jobs].filter(isUnfinished).map(urlOf) });
uploaders.onmessage = ({ data }) => {
  if (data.ask) return tellWindows();
  for (const url of data.going) {
    elsewhere.add(url);
    broken.delete(url);
  }
  summary();
};
uploaders.postMessage({ ask: true });
addEventListener("storage", ({ key }) => {
  if (key !== uploadsKey) return;
  const all = remembered();
  for (const url of broken.keys()) if (!all.has(url)) broken.delete(url);
  summary();
});
