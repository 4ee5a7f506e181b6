// Links: users who may share the folder make and end them here. The server puts the import of `page.js` before this.
{
  const LIVES = [["1h", "1 hour"], ["1d", "1 day"], ["7d", "7 days"], ["30d", "30 days"], ["never", "until I end it"]];

  const links = `${own}links`;
  /** The path of the folder from the root of the server. */
  const path = here.slice(own.length - ".wharf/".length - 1);
  /** The id of the link that is shown. */
  let shown = null;

  const heading = make("h2", { id: "sharing-title" }, "Share this folder");
  const life = make("select", { name: "for" }, ...LIVES.map(([value, text]) => new Option(text, value)));
  life.value = "7d";
  const uses = make("input", { name: "uses", type: "number", min: 1, max: 4294967295, placeholder: "unlimited" });
  const drop = make("input", { name: "drop", type: "checkbox" });
  // The user who makes the link passes the password on, so it can be read here.
  const password = make("input", { name: "password", autocomplete: "off", spellcheck: false, placeholder: "none" });
  const failure = make("p", { id: "failure", role: "alert" });
  const send = make("button", {}, "Make a link");
  const close = button("Close", () => dialog.close());
  const form = make(
    "form",
    {},
    make("label", {}, "The link works for ", life),
    make("label", {}, "How many times it can be opened ", uses),
    make("label", {}, "Password ", password),
    make("label", {}, drop, " Let others send files here. They see nothing of what is in the folder."),
    failure,
    make("div", { className: "row" }, send, close),
  );

  const address = make("input", { readOnly: true, ariaLabel: "The link", onfocus: () => address.select() });
  const copied = make("span", { className: "hint", role: "status" });
  const code = make("div");
  const copy = button("Copy", copyAddress, "");
  const result = make("section", { hidden: true }, make("h2", {}, "The link"), address, make("div", { className: "row" }, copy, copied), code);

  const title = make("h2", { tabIndex: -1 }, "Your links");
  const none = make("p", { className: "hint" }, "None.");
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
      failure.textContent = "The server does not respond.";
    }
  }

  async function copyAddress() {
    try {
      await navigator.clipboard.writeText(address.value);
    } catch {
      // Over plain HTTP, a page cannot write to the clipboard by itself.
      address.select();
      if (!document.execCommand("copy")) return void (copied.textContent = "Press Ctrl+C to copy it.");
    }
    copied.textContent = "Copied.";
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
    svg.setAttribute("aria-label", "QR code of the link");
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
    else about.push(link.expires === "never" ? "does not expire" : `works until ${clock.format(new Date(link.expires))}`);
    if (link.uses_left !== null) about.push(`${link.uses_left} ${link.uses_left === 1 ? "use" : "uses"} left`);
    if (link.drop) about.push("takes files");
    if (link.password) about.push("has a password");
    const end = button("End", async () => {
      end.disabled = true;
      if (!(await call(`${links}/${link.id}`, { method: "DELETE" }))) return void (end.disabled = false);
      if (link.id === shown) forgetShown();
      await showAll();
      title.focus();
    });
    end.ariaLabel = `End the link ${link.id}`;
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
  $("#share").onclick = () => {
    failure.textContent = "";
    if (!dialog.isConnected) document.body.append(dialog);
    dialog.showModal();
    showAll();
  };
}
