
// ---- The field for messages, which grows with its lines, and takes files
if ($("#room")) {
  const [room, field] = [$("#room"), $("#text")];

  // Several lines

  function grow() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
  }

  field.addEventListener("input", grow);
  field.onkeydown = (event) => {
    // While a character is composed, Enter only ends that.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit();
  };

  // Files: they go into the folder, and their links into the message

  /** The link to a file. Its last character is no punctuation, which would not be part of the link. */
  const linkOf = (path) => new URL(path, location.href).href.replace(/[.,;:!'()]$/, (last) => `%${last.charCodeAt().toString(16)}`);

  async function attach(files) {
    const named = files.map((file) => [isUnnamed(file) ? stamped(words.pasted_name, endingOf(file)) : file.name, file]);
    const saved = await give(named, [], { choice: "both", isOnce: true });
    for (const path of saved ?? []) path.then((path) => path && insert(linkOf(path)));
  }

  /** Adds a link at the end of the message. */
  function insert(link) {
    const gap = !field.value || /\s$/.test(field.value) ? "" : " ";
    field.value += `${gap}${link} `;
    field.dispatchEvent(new Event("input"));
  }

  const mayAttach = () => adding && !$("#talk").hidden;
  const isFolder = (item) => item.webkitGetAsEntry()?.isDirectory;

  room.addEventListener("drop", (event) => {
    if (!mayAttach() || !hasFiles(event) || [...event.dataTransfer.items].some(isFolder)) return;
    // The page takes other drops.
    event.preventDefault();
    event.stopPropagation();
    document.body.classList.remove("drop");
    attach([...event.dataTransfer.files]);
  });
  field.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!mayAttach() || !files.length || event.clipboardData.getData("text/plain")) return;
    event.preventDefault();
    attach(files);
  });
}
