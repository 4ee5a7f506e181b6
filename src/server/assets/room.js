
// ---- The chat room: one tab has the event stream, and forwards events to the others
if ($("#room")) {
  /** How many lines are kept. */
  const LINES = 500;
  /** The types of events. */
  const TYPES = ["welcome", "reset", "message", "private", "join", "leave", "upload", "remove", "move", "restore", "pause", "resume"];
  /** How often a tab claims the lead, in milliseconds. */
  const AGAIN = 2000;

  const [room, state, log, people, join, talk, say, to] =
    ["#room", "#state", "#log", "#people", "#join", "#talk", "#say", "#to"].map((id) => $(id));
  const opener = $("#open-room");
  const tabs = new BroadcastChannel("wharf-room");
  const me = Math.random();
  /** The name of the user's account, which is also the one in the chat. */
  const account = $("#user").readOnly && $("#user").value;
  const name = {
    get: () => [stored("wharf-name")].find((user) => !account || user === account),
    set: (user) => localStorage.setItem("wharf-name", user),
  };
  let leads = false;
  let close = () => {};
  let known = { user: "", users: [], lines: [], online: true, paused: false };
  let news = 0;

  // Rendering

  const isOpen = () => document.visibilityState === "visible" && room.checkVisibility();

  function line([type, data]) {
    const time = make("time", { dateTime: data.at }, clock.format(new Date(data.at)).slice(11));
    const told = (...content) => make("p", { className: "told" }, time, ...content);
    const did = (text, values) => told(...phrase(text, { user: make("bdi", {}, data.by ?? data.user), ...values }));
    const who = (user) => make("b", {}, user === known.user ? words.you : user);
    switch (type) {
      case "message": return make("p", {}, time, who(data.from), " ", chatText(data.text));
      case "private": return make("p", { className: "private" }, time, ...phrase(words.says_to, { from: who(data.from), to: who(data.to), text: chatText(data.text) }));
      case "upload": return did(words.user_uploaded, { file: file(data), size: size(data.size) });
      case "remove": return did(words.user_removed, { path: make("bdi", {}, data.path) });
      case "move": return did(words.user_moved, { path: make("bdi", {}, data.old_path), file: file(data) });
      case "restore": return did(words.user_restored, { file: file(data) });
      case "join": return did(words.user_joined);
      default: return told(data.text);
    }
  }

  const file = ({ href, path }) => make("a", { href }, make("bdi", {}, path));

  function add(entry) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
    log.append(line(entry));
    while (log.childElementCount > LINES) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function showPeople() {
    const others = known.users.filter((user) => user !== known.user).sort();
    const items = others.map((user) => make("li", { title: fill(words.private_to, { user }) }, button(user, () => address(user))));
    people.replaceChildren(make("li", {}, fill(words.user_you, { user: known.user })), ...items);
  }

  function address(user) {
    to.hidden = !user;
    to.value = user;
    to.textContent = fill(words.to_only, { user });
    to.ariaLabel = fill(words.to_only_press, { user });
    $("#text").focus();
  }

  function showState() {
    const isIn = Boolean(known.user);
    join.hidden = isIn;
    talk.hidden = $("#leave").hidden = !isIn;
    const trouble = !known.online ? words.offline : known.paused ? words.paused : "";
    state.classList.toggle("off", isIn && Boolean(trouble));
    state.textContent = isIn ? trouble || fill(words.people_count, { count: known.users.length }) : "";
  }

  function showAll() {
    log.replaceChildren();
    known.lines.forEach(add);
    if (known.user) showPeople();
    showState();
    log.scrollTop = log.scrollHeight;
  }

  function showNews(count) {
    news = count;
    count ? (opener.dataset.news = count) : delete opener.dataset.news;
    opener.dataset.said = opener.dataset.words.replace("{count}", count);
    document.title = document.title.replace(/^(\(\d+\) )?/, count ? `(${count}) ` : "");
  }

  // Events, handled in the same way in every tab

  function hear(type, data) {
    if (type === "welcome" || type === "reset") {
      [known.user, known.users] = [data.user, data.users];
      known.lines.push(...data.history.filter(isNew).map((entry) => [kindOf(entry), entry]));
      return showAll();
    }
    if (type === "pause" || type === "resume") {
      known.paused = type === "pause";
      keep(["", { at: new Date().toISOString(), text: data.text }]);
      return showState();
    }
    if (!isNew(data)) return;
    if (type === "join" && !known.users.includes(data.user)) known.users.push(data.user);
    if (type === "leave") known.users = known.users.filter((user) => user !== data.user);
    if (concerns(data.href) || concerns(data.old_href)) refresh();
    keep([type, data]);
    if (type === "join" || type === "leave") showPeople();
    if ((type === "message" || type === "private") && data.from !== known.user && !isOpen()) showNews(news + 1);
    showState();
  }

  function keep(entry) {
    known.lines.push(entry);
    known.lines.splice(0, known.lines.length - LINES);
    add(entry);
  }

  /** Whether what happened at this path changes the listing: it is in the directory, or a directory above. */
  const concerns = (href) => href && (href.startsWith(room.dataset.of) || (href.endsWith("/") && room.dataset.of.startsWith(href)));

  /** Whether an event is new: a tab that takes over gets recent messages again. */
  const isNew = ({ id }) => !known.lines.some(([, line]) => line.id === id);

  /** The type of an event in the history, from its fields. */
  const kindOf = (data) => ("to" in data ? "private" : "from" in data ? "message" : "path" in data ? "upload" : "text" in data ? "leave" : "join");

  /** Whether there is a connection. A server says at the beginning of each stream if the chat is paused. */
  function turn(online) {
    [known.online, known.paused] = [online, false];
    showState();
  }

  function leave() {
    close();
    known = { user: "", users: [], lines: [], online: true, paused: false };
    showAll();
  }

  function leaveAll() {
    leave();
    tabs.postMessage({ left: true });
  }

  // The event stream, in one tab

  function tell(type, data) {
    hear(type, data);
    tabs.postMessage({ event: [type, data] });
  }

  function tellState(online) {
    turn(online);
    tabs.postMessage({ online });
  }

  function listen() {
    close();
    close = follow(subscribe, ({ type, data, id }) => TYPES.includes(type) && tell(type, { ...JSON.parse(data), id }), tellState);
  }

  const call = (path, { headers, ...options } = {}) =>
    fetch(`${own}chat/${path}`, { ...options, headers: { ...asMember(), ...headers } });

  /** Whether to try again later. */
  const isTemporary = ({ status }) => status === 429 || status >= 500;

  /** Requests the event stream. If the server does not know the member, it joins again under its last name first. */
  async function subscribe(options) {
    let answer = await call("events", options);
    if (answer.status === 403) {
      const joined = await enter(name.get());
      answer = joined.ok ? await call("events", options) : joined;
    }
    if (answer.status >= 400 && !isTemporary(answer)) {
      if (!answer.bodyUsed) await hint(answer);
      leaveAll();
    }
    return answer;
  }

  /** Shows why it was refused. */
  const hint = async (answer) => ($(".hint", join).textContent = answer.ok ? "" : (await answer.text()).trim());

  async function enter(user) {
    const answer = await fetch(`${own}chat/join`, { method: "POST", body: new URLSearchParams({ user }) });
    if (!answer.ok) {
      await hint(answer);
      return answer;
    }
    const member = await answer.json();
    localStorage.setItem(memberKey, member.token);
    name.set(member.user);
    hint(answer);
    return answer;
  }

  function lead() {
    leads = true;
    if (name.get()) listen();
  }

  tabs.onmessage = ({ data }) => {
    if (data.event) hear(...data.event);
    if ("online" in data) turn(data.online);
    if (data.known) { known = data.known; showAll(); }
    if (data.left) leave();
    if (data.ask && leads) tabs.postMessage({ known });
    if (data.joined && leads) listen();
    if (data.lead) heed(data.lead);
  };
  tabs.postMessage({ ask: true });

  // Which tab has the stream. If the browser has Web Locks, they decide. Without TLS a browser has none, except on
  // localhost; then a tab claims the lead every two seconds, and of two such tabs the one with the lower number keeps
  // it.
  let heard = Date.now();

  function heed(other) {
    heard = Date.now();
    if (!leads) return;
    if (other > me) return tabs.postMessage({ lead: me });
    leads = false;
    close();
  }

  function claim() {
    if (!leads && Date.now() - heard > 2 * AGAIN + 1000 * me) lead();
    if (leads) tabs.postMessage({ lead: me });
  }

  if (navigator.locks) {
    navigator.locks.request("wharf-room", () => new Promise(lead));
  } else {
    heard -= 2 * AGAIN - 500;
    tabs.postMessage({ lead: 1 });
    setInterval(claim, AGAIN);
    setTimeout(claim, 1500);
  }

  // User actions

  join.onsubmit = async (event) => {
    event.preventDefault();
    try {
      if (!(await enter($("#user").value.trim())).ok) return;
      leads ? listen() : tabs.postMessage({ joined: true });
    } catch {
      $(".hint", join).textContent = words.no_answer;
    }
  };

  say.onsubmit = async (event) => {
    event.preventDefault();
    const text = $("#text").value;
    if (!text.trim()) return;
    const query = to.hidden ? "" : `?to=${encodeURIComponent(to.value)}`;
    try {
      const answer = await call(`messages${query}`, { method: "POST", body: text });
      if (!answer.ok) throw (await answer.text()).trim();
      // Something may have been added to the next message meanwhile.
      if ($("#text").value === text) $("#text").value = "";
      $("#text").dispatchEvent(new Event("input"));
      log.scrollTop = log.scrollHeight;
    } catch (why) {
      add(["", { at: new Date().toISOString(), text: typeof why === "string" ? why : words.not_sent }]);
    }
  };

  $("#leave").onclick = () => {
    call("leave", { method: "POST" }).catch(() => {});
    localStorage.removeItem("wharf-name");
    localStorage.removeItem(memberKey);
    leaveAll();
  };

  to.onclick = () => address("");
  /** Opens or closes the chat: on a narrow screen it is a sheet. */
  function open(isOpened) {
    opener.ariaExpanded = isOpened;
    isChatSheet() ? room.classList.toggle("open", isOpened) : keepChatFolded(!isOpened);
    if (!isOpened) return opener.focus();
    showNews(0);
    $("#user").value = account || (name.get() ?? "");
    (known.user ? $("#text") : $("#user")).focus();
  }

  const isSheet = () => room.classList.contains("open") && isChatSheet();
  opener.onclick = () => open(!isSheet());
  $("#close-room").onclick = () => open(false);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isSheet() || $("dialog[open]")) return;
    // Otherwise, the key would clear the selection, too.
    event.preventDefault();
    open(false);
  });
  // A tap outside only closes it: what is under the finger is not opened.
  document.addEventListener("click", (event) => {
    if (!isSheet() || [room, opener, $("dialog[open]")].some((part) => part?.contains(event.target))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    open(false);
  }, true);
  document.addEventListener("visibilitychange", () => isOpen() && showNews(0));
}
