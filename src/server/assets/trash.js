
// ---- The page of the trash: entries are restored and deleted for good, without leaving the page

/** Shows the entries that there are now. */
async function reload() {
  const user = $("main").dataset.user;
  const text = await ask(location.href, { headers: { Accept: "text/html" } });
  if (!text) return;
  const main = $("main", new DOMParser().parseFromString(text, "text/html"));
  if (user && main.dataset.user !== user) return void loggedOut();
  const focused = document.activeElement?.closest(".trash li");
  const at = [...(focused?.parentNode.children ?? [])].indexOf(focused);
  document.adoptNode(main);
  for (const time of main.querySelectorAll("time")) time.textContent = clock.format(new Date(time.dateTime));
  $("main").replaceChildren(...main.childNodes, toast);
  if (focused) ($(`.trash li:nth-child(${at + 1}) button`) ?? $("h1")).focus();
}

if ($("#trash")) {
  refocus = () => document.activeElement === document.body && $("h1").focus();
  document.addEventListener("submit", (event) => {
    const { target, submitter } = event;
    if (target.method !== "post" || !target.closest("main")) return;
    event.preventDefault();
    const id = submitter.value;
    const name = $("strong", target.closest("li") ?? document)?.textContent;
    const show = (why) => tell(why);
    if (submitter.name !== "discard") return void restore(/([^/]+)\/restore$/.exec(target.action)[1], show);
    const [title, path] = id === "all" ? [words.empty_trash_question, ""] : [fill(words.delete_for_good_name, { name }), `/${id}`];
    const discard = async (show) => {
      const answer = await call(show, "DELETE", `${own}trash${path}`);
      await changed();
      if (answer) tell(path ? fill(words.deleted_for_good, { name }) : words.trash_emptied);
      return Boolean(answer);
    };
    open(title, path ? words.delete_for_good : words.empty_trash, discard, make("p", { className: "hint" }, words.cannot_be_undone));
  });
  for (const occasion of ["focus", "visibilitychange"]) addEventListener(occasion, () => document.visibilityState === "visible" && reload());
}

export {
  $, asMember, button, call, changed, clock, encode, fill, focusOn, here, inform, isShown, loggedOut, login, make, nameOf, needsLogin, open, own, pause, phrase, refresh, sentence, size, toClipboard, uploadsKey,
};
