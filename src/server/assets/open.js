
// ---- Scripts that are loaded when they are needed: uploads, previews, and the dialog for links

/** The module at the link that the page has under this name; nothing if it cannot be loaded. */
async function load(name) {
  try {
    return await import(new URL(document.body.dataset[name], document.baseURI));
  } catch {
    ask(`${own}health`);
  }
}

/** Whether `view.js` shows what this link leads to. */
const isViewed = (link) => ["img", "vid", "aud", "pdf", "txt"].some((kind) => link.classList.contains(kind));

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("#files a");
  if (!link || !isPlain(event) || !isViewed(link)) return;
  event.preventDefault();
  (await load("view"))?.view(link);
});

$("#share")?.addEventListener("click", async () => (await load("share"))?.share());
