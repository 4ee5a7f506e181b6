
// ---- Searching all folders below this one: the field of the filter, and what is found, as it is found

{
  /** How often the number of results is announced, in milliseconds. */
  const ANNOUNCED = 1000;
  /** How many rows a browser lays out together; the server's pages have as many. */
  const ROWS_TOGETHER = 100;

  /** The search that is shown; null if none is. */
  let searched = null;

  const isTyping = () => $("dialog[open]") || document.activeElement.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
  const resultLinks = () => [...document.querySelectorAll("#found td:first-child a")];

  /** Shows what a search for this text finds. */
  function search(text) {
    closeSearch();
    const stopping = new AbortController();
    const status = make("p", { role: "status" });
    const stop = button(words.stop, () => stopping.abort());
    const title = make("h2", { id: "search-title" }, fill(words.results_for, { text }));
    const panel = make("section", { id: "search" }, make("div", { className: "row" }, title, stop, button(words.clear, clearSearch)), status);
    panel.setAttribute("aria-labelledby", title.id);
    const rest = make("h2", {}, words.in_this_folder);
    panel.append(rest);
    searched = { panel, stopping, status, stop, rest, table: null, count: 0, announced: 0 };
    $("#look").after(panel);
    run(searched, text);
  }

  /** Sends the request, and adds what comes. Each row is complete when its end has come. */
  async function run(shown, text) {
    const url = new URL(listing);
    url.searchParams.set("q", text);
    let rest = "";
    let end = "";
    announce(shown, words.searching);
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" }, signal: shown.stopping.signal });
      if (needsLogin(answer)) {
        loggedOut();
        end = words.log_in_to_search;
        return;
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        rest += piece.value;
        if (answer.ok) rest = take(shown, rest);
      }
      // The outcome, or why the server refuses the search.
      end = $(answer.ok ? "#count" : ".error p:not(.code)", parsed(rest))?.textContent;
      if (!end) throw end;
    } catch {
      end = shown.stopping.signal.aborted ? words.search_stopped : words.search_broke;
    } finally {
      shown.stop.remove();
      announce(shown, end);
    }
  }

  /** Adds the rows that are complete; returns the rest. */
  function take(shown, html) {
    if (!shown.table) {
      const start = html.indexOf("<tbody>");
      if (start < 0) return html;
      shown.table = document.adoptNode($("#found", parsed(html.slice(0, start))));
      shown.rest.before(shown.table);
      html = html.slice(start);
    }
    const end = html.lastIndexOf("</tr>") + 5;
    if (end < 5) return html;
    for (const row of parsed(`<table>${html.slice(0, end)}`).querySelectorAll("tr")) {
      if (shown.count++ % ROWS_TOGETHER === 0) shown.table.append(make("tbody"));
      for (const time of row.getElementsByTagName("time")) time.textContent = clock.format(new Date(time.dateTime));
      shown.table.lastChild.append(document.adoptNode(row));
    }
    const last = shown.table.lastChild;
    last.style.setProperty("--rows", last.rows.length);
    if (Date.now() - shown.announced > ANNOUNCED) announce(shown, words.searching);
    return html.slice(end);
  }

  function announce(shown, text) {
    shown.announced = Date.now();
    shown.status.textContent = fill(text, { count: shown.count });
  }

  function closeSearch() {
    searched?.stopping.abort();
    searched?.panel.remove();
    searched = null;
  }

  /** Shows the whole folder again. */
  function clearSearch() {
    closeSearch();
    $("#filter").value = "";
    filter();
    $("#filter").focus();
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.contains($("#filter"))) return;
    event.preventDefault();
    const text = $("#filter").value.trim();
    if (text) search(text);
  });

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = $("input[name=q]");
    const isInside = searched?.panel.contains(target);
    let next = null;
    if (key === "/" && field && !isTyping()) {
      field.select();
      next = field;
    } else if (key === "Escape" && (isInside || (target.id === "filter" && (searched || field.value)))) {
      clearSearch();
      next = field;
    } else if ((key === "ArrowDown" || key === "ArrowUp") && searched && (isInside || target === field)) {
      const links = resultLinks();
      const at = links.indexOf(target.closest("tr")?.querySelector("a")) + (key === "ArrowDown" ? 1 : -1);
      next = at < 0 ? field : links[at];
    }
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
