// ---- Pictures: one at a time on a dark background, larger if wanted

/** How much larger a picture becomes at most, by one press, and by a double click. */
const ZOOM_MOST = 8;
const ZOOM_STEP = 1.5;
const ZOOM_DOUBLE = 2.5;
/** How far a finger moves sideways for the next picture, and at most in a tap, in pixels. */
const SWIPE = 60;
const TAP = 10;
/** The time between the two taps of a double tap, in milliseconds. */
const DOUBLE_TAP = 350;
/** How far an arrow key moves a picture that is larger than the window, in pixels. */
const PAN = 80;

/** The picture that is shown and those beside it, by their links: no more are kept. */
let pictures = new Map();
/** The one that is shown. */
let image = null;
let [scale, across, down] = [1, 0, 0];

/** The picture of this link. It is requested now, unless it is here already. */
function load(href) {
  if (pictures.has(href)) return pictures.get(href);
  const loaded = make("img", { src: href, draggable: false, decoding: "async" });
  loaded.onload = () => loaded === image && loadNeighbours();
  loaded.onerror = () => {
    pictures.delete(href);
    if (loaded.isConnected) loaded.replaceWith(make("p", { role: "alert" }, words.cannot_show_picture));
  };
  pictures.set(href, loaded);
  return loaded;
}

const neighbours = () => [links[at + 1], links[at - 1]].filter(Boolean).map(({ href }) => href);
const loadNeighbours = () => neighbours().forEach(load);

function picture(link, name) {
  const kept = [link.href, ...neighbours()];
  pictures = new Map([...pictures].filter(([href]) => kept.includes(href)));
  image = load(link.href);
  image.alt = name;
  zoomTo(1);
  if (image.complete && image.naturalWidth) loadNeighbours();
  return image;
}

function forgetPictures() {
  pictures.clear();
  // One that is still pressed has no picture to move.
  pointers.clear();
  image = null;
}

/** Shows the picture in this size. The point, which is relative to the middle of the window, stays where it is. */
function zoomTo(wanted, x = 0, y = 0) {
  const before = scale;
  scale = Math.min(Math.max(wanted, 1), ZOOM_MOST);
  [across, down] = [x - ((x - across) * scale) / before, y - ((y - down) * scale) / before];
  pan(0, 0);
  smaller.disabled = scale === 1;
  larger.disabled = scale === ZOOM_MOST;
  content.classList.toggle("zoomed", scale > 1);
}

const zoomBy = (factor) => {
  zoomTo(scale * factor);
  // A disabled button has no keyboard events.
  if (document.activeElement === document.body || document.activeElement.disabled) close.focus();
};

/** Moves the picture, as long as its edges stay outside the window. */
function pan(x, y) {
  const within = (value, most) => Math.min(Math.max(value, -most), most);
  across = within(across + x, Math.max(0, (image.offsetWidth * scale - content.clientWidth) / 2));
  down = within(down + y, Math.max(0, (image.offsetHeight * scale - content.clientHeight) / 2));
  image.style.transform = scale === 1 ? "" : `translate(${across}px, ${down}px) scale(${scale})`;
}

/** Whether this key was for the picture. */
function pictureKey(key) {
  if (key === "+" || key === "=") return zoomBy(ZOOM_STEP), true;
  if (key === "-") return zoomBy(1 / ZOOM_STEP), true;
  if (key === "0") return zoomTo(1), true;
  const way = { ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN], ArrowDown: [0, -PAN] }[key];
  if (scale === 1 || !way) return false;
  pan(...way);
  return true;
}

// Fingers, pens and the mouse

/** The pointers that are pressed, by their ids, and where they were last. */
const pointers = new Map();
/** How far one pointer has moved since it was pressed; nothing if there were two. */
let moved = null;
let lastTap = null;

/** The middle of all pointers, relative to the middle of the window, and their distance from it. */
function spread() {
  const box = content.getBoundingClientRect();
  const all = [...pointers.values()];
  const mean = (part) => all.reduce((sum, one) => sum + one[part], 0) / all.length;
  const [x, y] = [mean("clientX"), mean("clientY")];
  const distance = Math.hypot(all[0].clientX - x, all[0].clientY - y);
  return { x: x - box.left - box.width / 2, y: y - box.top - box.height / 2, distance };
}

content.onpointerdown = (event) => {
  if (dialog.className !== "img" || event.button) return;
  content.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, event);
  moved = pointers.size === 1 ? { x: 0, y: 0 } : null;
};
content.onpointermove = (event) => {
  if (!pointers.has(event.pointerId)) return;
  const before = spread();
  pointers.set(event.pointerId, event);
  const after = spread();
  const [x, y] = [after.x - before.x, after.y - before.y];
  if (pointers.size > 1 && before.distance) zoomTo((scale * after.distance) / before.distance, after.x, after.y);
  if (scale > 1) pan(x, y);
  if (moved) moved = { x: moved.x + x, y: moved.y + y };
  image.style.translate = moved && scale === 1 ? `${moved.x}px` : "";
};
content.onpointercancel = (event) => {
  pointers.delete(event.pointerId);
  moved = null;
  if (image) image.style.translate = "";
};
content.onpointerup = (event) => {
  const gesture = pointers.has(event.pointerId) && moved;
  const point = pointers.size === 1 && spread();
  content.onpointercancel(event);
  if (!gesture) return;
  if (Math.hypot(gesture.x, gesture.y) <= TAP) return tap(event, point);
  if (scale === 1 && Math.abs(gesture.x) > Math.max(SWIPE, Math.abs(gesture.y))) step(gesture.x < 0 ? 1 : -1);
};

/** The second of two taps shows the picture larger, or as a whole. */
function tap({ timeStamp }, { x, y }) {
  const isSecond = lastTap && timeStamp - lastTap.timeStamp < DOUBLE_TAP && Math.hypot(x - lastTap.x, y - lastTap.y) < 4 * TAP;
  lastTap = isSecond ? null : { timeStamp, x, y };
  if (isSecond) zoomTo(scale > 1 ? 1 : ZOOM_DOUBLE, x, y);
}

const onwheel = (event) => {
  // Browsers report a pinch on a touchpad like this too.
  if (dialog.className !== "img" || !event.ctrlKey) return;
  event.preventDefault();
  const box = content.getBoundingClientRect();
  zoomTo(scale * Math.exp(-event.deltaY / 200), event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
};
content.addEventListener("wheel", onwheel, { passive: false });
