
// ---- The stream that says when the folder has changed. It is open only while the page is visible: a browser opens six
// connections to a server, for all its windows.
if ($("#files")) {
  let end = null;
  let wasLost = false;

  /** Once the session has ended, it waits for the next login. */
  async function open(options) {
    for (;;) {
      const answer = await fetch(`${here}?changes`, options);
      if (!needsLogin(answer)) return answer;
      await login();
    }
  }

  /** After a gap, something may have changed. */
  function show(isOpen) {
    if (isOpen && wasLost) refresh();
    wasLost = !isOpen;
  }

  function turn() {
    const isVisible = document.visibilityState === "visible";
    if (isVisible) end ??= follow(open, () => refresh(), show);
    else end = void end?.();
  }

  document.addEventListener("visibilitychange", turn);
  turn();
}
