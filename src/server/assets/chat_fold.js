
// ---- The chat folds away: on a wide screen, where it is beside the files

/** Where the browser remembers that it is folded. */
const chatFoldedKey = `wharf-chat-folded ${own}`;

/** Whether the screen is narrow, and the chat is a sheet above the files. */
const isChatSheet = () => getComputedStyle($("#room")).position === "fixed";

function foldChat(isFolded) {
  for (const part of [$("#room"), $("#open-room")]) part.classList.toggle("folded", isFolded);
}

/** Folds or unfolds it, also on the pages that are opened later. */
function keepChatFolded(isFolded) {
  foldChat(isFolded);
  try {
    isFolded ? localStorage.setItem(chatFoldedKey, "yes") : localStorage.removeItem(chatFoldedKey);
  } catch {
    // Where the browser stores nothing, it is unfolded on the next page.
  }
}

if ($("#room")) foldChat(stored(chatFoldedKey) === "yes");
