// ---- The requests of one upload. This begins the script for uploads, which the page loads for the first of them. The server
// puts the import of `page.js` before it. Names of files are added to the page as text, never as markup.

/** Files up to this many bytes are sent in one request. Uploads of larger ones can be resumed. */
const SMALL = 1 << 20;

/** The version of the draft "Resumable Uploads for HTTP" that requests follow. */
const DRAFT = { "Upload-Draft-Interop-Version": "9" };

/** What the server does if a name is taken. */
const { conflict } = $("#give").dataset;

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

function whole(job) {
  if (job.location) forget(urlOf(job), job.location);
  job.plain = true;
  return send(job);
}

/** The server has all content and saves it: from here on, the upload cannot be cancelled. */
function saves(job) {
  job.saves = job.button.disabled = true;
  say(job, words.saving);
}

/** Where the file is saved. */
const urlOf = ({ folder, path }) => folder + encode(path);

/** An empty directory has a slash at the end of its path. The upload of a file creates the directories above it. */
const isDirectory = ({ path }) => path.endsWith("/");

/** Creates an empty directory, and those above it that do not exist. */
async function makeDirectory(job) {
  const make = (path) => request(job, "MKCOL", job.folder + encode(path), {});
  let answer = await make(job.path);
  if (answer.status === 409) {
    for (const { index } of job.path.matchAll(/\//g)) {
      answer = await make(job.path.slice(0, index + 1));
      // 405: it exists.
      if (answer.status >= 300 && answer.status !== 405) return answer;
    }
  }
  if (answer.status !== 405) return answer;
  const found = await request(job, "HEAD", urlOf(job), {});
  return found.status < 300 ? found : answer;
}

/** Sends the file, or the rest of it. Falls back to a plain upload if a resumable one is not possible. */
async function send(job) {
  const { file } = job;
  const url = urlOf(job);
  const guard = job.replace ? {} : { "If-None-Match": "*" };
  const about = { "X-OC-MTime": Math.floor(file.lastModified / 1000), ...guard };
  if (file.size <= SMALL || job.plain) return request(job, "PUT", url, about, file);
  let from = 0;
  if (job.location) {
    const found = await request(job, "HEAD", job.location, DRAFT);
    if (found.status === 401 || found.status >= 500 || isComplete(found)) return found;
    const offset = found.getResponseHeader("Upload-Offset");
    if (offset === null && job.isRecalled) {
      forget(url, job.location);
      job.location = null;
      job.isRecalled = false;
      return send(job);
    }
    if (offset === null) return whole(job);
    from = +offset;
  } else {
    const made = await request(job, "POST", url, { ...DRAFT, "Upload-Complete": "?0", "Upload-Length": file.size, ...about });
    if (isLost(made)) return whole(job);
    if (made.status >= 400) return made;
    job.location = made.getResponseHeader("Location");
    // A server without resumable uploads has created an empty file.
    if (!job.location) return (job.replace = true), whole(job);
    // The path alone: this server may have several names.
    job.location = new URL(job.location, location.href).pathname;
    remember(job);
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

/** Where the server says that it has saved a file, if it chose the name. Its path does not include the base. */
function savedAt(answer) {
  const path = answer.getResponseHeader("Content-Location");
  return path && own.slice(0, -"/.wharf/".length) + path;
}

/** Why a file was refused, in a line. Plain text is the server's; a proxy's HTML page is not shown. */
function reason(answer) {
  const isText = /^text.plain/.test(answer.getResponseHeader("Content-Type"));
  const said = isText && answer.responseText.trim();
  return said || (answer.status === 413 ? words.too_large_for_proxy : fill(words.refused, { status: answer.status }));
}

/** Whether the browser can still read it. */
const isReadable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);
