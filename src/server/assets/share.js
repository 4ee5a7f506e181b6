// Links: users who may share the folder make and end them here. The server puts the import of `page.js` before this.

const LIVES = [["1h", words.hour_1], ["1d", words.day_1], ["7d", words.days_7], ["30d", words.days_30], ["never", words.until_end]];

const links = `${own}links`;
/** The path of what is shared, from the root of the server. */
let path = "";
/** The id of the link that is shown. */
let shown = null;

const heading = make("h2", { id: "sharing-title" });
const life = make("select", { name: "for" }, ...LIVES.map(([value, text]) => new Option(text, value)));
life.value = "7d";
const uses = make("input", { name: "uses", type: "number", min: 1, max: 4294967295, placeholder: words.unlimited });
const drop = make("input", { name: "drop", type: "checkbox" });
// The user who makes the link passes the password on, so it can be read here.
const password = make("input", { name: "password", autocomplete: "off", spellcheck: false, placeholder: words.no_password });
const failure = make("p", { id: "failure", role: "alert" });
const send = make("button", {}, words.make_link);
const close = button(words.close, () => dialog.close());
const takes = make("label", {}, ...phrase(words.let_send, { choice: drop }));
const form = make(
  "form",
  {},
  make("label", {}, ...phrase(words.works_for, { time: life })),
  make("label", {}, ...phrase(words.how_many_uses, { number: uses })),
  make("label", {}, ...phrase(words.link_password, { password })),
  takes,
  failure,
  make("div", { className: "row" }, send, close),
);

const address = make("input", { readOnly: true, ariaLabel: words.the_link, onfocus: () => address.select() });
const copied = make("span", { className: "hint", role: "status" });
const code = make("div");
const copy = button(words.copy, copyAddress, "");
const result = make("section", { hidden: true }, make("h2", {}, words.the_link), address, make("div", { className: "row" }, copy, copied), code);

const title = make("h2", { tabIndex: -1 }, words.your_links);
const none = make("p", { className: "hint" }, words.no_links);
const list = make("ul", { className: "sessions" });
const dialog = make("dialog", { id: "sharing" }, heading, form, result, make("section", {}, title, none, list));
dialog.setAttribute("aria-labelledby", heading.id);

/** Sends a request. Returns the response to a success, and shows any other. */
async function call(...request) {
  failure.textContent = "";
  try {
    const answer = await fetch(...request);
    if (needsLogin(answer)) return dialog.close(), loggedOut();
    if (answer.ok) return answer;
    failure.textContent = (await answer.text()).trim();
  } catch {
    failure.textContent = words.no_answer;
  }
}

async function copyAddress() {
  try {
    await navigator.clipboard.writeText(address.value);
  } catch {
    // Over plain HTTP, a page cannot write to the clipboard by itself.
    address.select();
    if (!document.execCommand("copy")) return void (copied.textContent = words.press_to_copy);
  }
  copied.textContent = words.copied;
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const wanted = { path, for: life.value, drop: drop.checked, qr: true };
  if (uses.value) wanted.uses = +uses.value;
  if (password.value) wanted.password = password.value;
  send.disabled = true;
  const answer = await call(links, { method: "POST", body: JSON.stringify(wanted) });
  send.disabled = false;
  if (!answer) return;
  const { id, link, qr } = await answer.json();
  shown = id;
  address.value = link;
  copied.textContent = password.value = uses.value = "";
  code.replaceChildren(...(qr ? [drawn(qr)] : []));
  result.hidden = false;
  copy.focus();
  showAll();
};

/** The QR code that the server has drawn. */
function drawn(qr) {
  const svg = document.adoptNode(new DOMParser().parseFromString(qr, "image/svg+xml").documentElement);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words.qr_code_of_link);
  return svg;
}

function forgetShown() {
  shown = null;
  result.hidden = true;
  address.value = password.value = "";
  code.replaceChildren();
}

async function showAll() {
  const answer = await call(links);
  if (!answer) return;
  const all = (await answer.json()).filter((link) => link.state !== "revoked");
  list.replaceChildren(...all.reverse().map(row));
  none.hidden = all.length > 0;
}

function row(link) {
  const about = [link.id];
  if (link.state !== "valid") about.push(link.state);
  else about.push(link.expires === "never" ? words.does_not_expire : fill(words.works_until, { time: clock.format(new Date(link.expires)) }));
  if (link.uses_left !== null) about.push(link.uses_left === 1 ? words.one_use_left : fill(words.uses_left, { count: link.uses_left }));
  if (link.drop) about.push(words.takes_files);
  if (link.password) about.push(words.has_password);
  const end = button(words.link_ended, async () => {
    end.disabled = true;
    if (!(await call(`${links}/${link.id}`, { method: "DELETE" }))) return void (end.disabled = false);
    if (link.id === shown) forgetShown();
    await showAll();
    title.focus();
  });
  end.ariaLabel = fill(words.end_link, { id: link.id });
  return make("li", {}, make("p", {}, make("bdi", {}, decoded(link.path)), make("br"), make("span", { className: "hint" }, about.join(", "))), end);
}

/** A path as it is read; a name that is not UTF-8 stays encoded. */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

dialog.onclose = forgetShown;

/** Shows the dialog for this folder, or for the file or the folder that has this name in it. */
function share(shared = here, name = "") {
  path = shared.slice(own.length - ".wharf/".length - 1);
  heading.textContent = name ? fill(words.share_name, { name }) : words.share_folder;
  // Only a folder takes files.
  takes.hidden = !path.endsWith("/");
  if (takes.hidden) drop.checked = false;
  failure.textContent = "";
  if (!dialog.isConnected) document.body.append(dialog);
  dialog.showModal();
  showAll();
}

export { share };
