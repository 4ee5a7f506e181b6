// ---- Audio and video: the files of one kind are a playlist

/** The player, while it is shown, and the list of its tracks. */
let media = null;
let tracks = [];
/** Whether the player has reached this file by itself: then it skips what cannot be played. */
let isAutomatic = false;

function player(link, name) {
  const isAudio = kind(link) === "aud";
  if (!media?.isConnected || media.localName !== (isAudio ? "audio" : "video")) makePlayer(isAudio);
  $("[role=alert]", media.parentNode).textContent = "";
  media.title = name;
  media.src = link.href;
  tracks.forEach((track, place) => (place === at ? track.setAttribute("aria-current", "true") : track.removeAttribute("aria-current")));
  tracks[at]?.scrollIntoView({ block: "nearest" });
  return media.parentNode;
}

function makePlayer(isAudio) {
  media = make(isAudio ? "audio" : "video", { controls: true, autoplay: true, onended: playNext, onerror: cannotPlay, onplaying: () => (isAutomatic = false) });
  const failure = make("p", { role: "alert" });
  tracks = isAudio && links.length > 1 ? links.map((link, place) => button("", () => play(place))) : [];
  tracks.forEach((track, place) => track.append(make("bdi", {}, $("bdi", links[place]).textContent)));
  const list = make("ol", { ariaLabel: words.tracks }, ...tracks.map((track) => make("li", {}, track)));
  make("div", { className: "player" }, media, failure, ...(tracks.length ? [list] : []));
}

function play(place) {
  isAutomatic = false;
  at = place;
  show();
}

function playNext() {
  isAutomatic = true;
  step(1);
}

function cannotPlay() {
  $("[role=alert]", media.parentNode).textContent = words.cannot_play;
  if (isAutomatic) step(1);
}
