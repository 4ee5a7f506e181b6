// ---- The pictures of the grid

/** Shows the icon of a file instead of a picture that cannot be shown. */
function useIcon(picture) {
  const [icon, use] = ["svg", "use"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  use.setAttribute("href", "#img");
  icon.append(use);
  picture.replaceWith(icon);
}

// This event does not bubble. Pictures may have failed before this script ran, too.
document.addEventListener("error", (event) => event.target.matches?.("#files img") && useIcon(event.target), true);
for (const picture of document.querySelectorAll("#files img")) {
  if (picture.complete && !picture.naturalWidth) useIcon(picture);
}
