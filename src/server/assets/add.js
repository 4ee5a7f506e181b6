
// ---- Where files to upload come from: they are chosen, or dropped on the page

const adding = $("#give");

/** Whether the server would list a file with this path: without `--hidden`, it refuses names that begin with a dot. */
const isShown = (path) => adding?.dataset.hidden !== undefined || !path.split("/").some((part) => part.startsWith("."));

/** Uploads files: pairs of a path and a file. `unread` are the paths of what cannot be read. */
const give = async (...all) => (await load("upload"))?.give(...all);

/** Collects the files and empty directories below a dropped entry with their paths, and the paths of what cannot be read. */
async function walk(entry, found, unread) {
  const seen = () => found.length + unread.length;
  const before = seen();
  try {
    if (entry.isFile) {
      found.push([entry.fullPath.slice(1), await new Promise((file, error) => entry.file(file, error))]);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      // Returns up to a hundred entries at a time, and none at the end.
      const some = await new Promise((entries, error) => reader.readEntries(entries, error));
      if (!some.length) break;
      for (const one of some) if (isShown(one.fullPath)) await walk(one, found, unread);
    }
    if (seen() === before) found.push([`${entry.fullPath.slice(1)}/`, new File([], "")]);
  } catch {
    unread.push(entry.fullPath.slice(1));
  }
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

if (adding) {
  adding.onchange = ({ target }) => {
    give([...target.files].map((file) => [file.webkitRelativePath || file.name, file]));
    adding.reset();
  };
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("drop");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("drop"));
  addEventListener("drop", async (event) => {
    document.body.classList.remove("drop");
    if (!hasFiles(event)) return;
    event.preventDefault();
    // The entries are available only during the event.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const [found, unread] = [[], []];
    for (const entry of entries) await walk(entry, found, unread);
    give(found, unread);
  });
}
