
// ---- Event streams (WHATWG HTML §9.2). `EventSource` cannot send the header that proves who a member of the chat is.

/** The first pause before another attempt, and the longest, in milliseconds. */
const FIRST_PAUSE = 2000;
const LONGEST_PAUSE = 30_000;
/** A stream that is silent for longer is broken: the server sends something every 15 seconds. */
const SILENCE = 40_000;

/** Returns a function that takes a stream in pieces. It keeps the last ID and the pause in `source`, and reports each event. */
function decoder(source, hear) {
  let [rest, type, data, id, returned] = ["", "", [], source.id, false];
  return (text) => {
    // A CR at the end of the piece before has ended that line.
    if (returned && text.startsWith("\n")) text = text.slice(1);
    returned = text.endsWith("\r");
    const lines = (rest + text).split(/\r\n?|\n/);
    rest = lines.pop();
    for (const line of lines) {
      const [, field, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line);
      if (!line) {
        source.id = id;
        const event = data.length && { type: type || "message", data: data.join("\n"), id };
        [type, data] = ["", []];
        if (event) hear(event);
      } else if (field === "event") type = value;
      else if (field === "data") data.push(value);
      else if (field === "id" && !value.includes("\0")) id = value;
      else if (field === "retry" && /^\d+$/.test(value)) source.pause = Math.min(value, LONGEST_PAUSE);
    }
  };
}

// Follows an event stream, and requests it again after its last event whenever it ends, fails or falls silent. The pauses
// grow. `open` sends the request with these options; `show` is called with whether there is a connection.
function follow(open, hear, show) {
  const source = { id: "", pause: FIRST_PAUSE };
  let [closed, failures, heard] = [false, 0, 0];
  let [cut, again] = [new AbortController(), () => {}];

  async function listen() {
    cut = new AbortController();
    heard = Date.now();
    const headers = { Accept: "text/event-stream", ...(source.id && { "Last-Event-ID": source.id }) };
    const answer = await open({ headers, signal: cut.signal, cache: "no-store" });
    if (!answer.headers.get("Content-Type")?.startsWith("text/event-stream")) throw answer.status;
    show(true);
    const decode = decoder(source, hear);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece; !(piece = await reader.read()).done; ) {
      [heard, failures] = [Date.now(), 0];
      decode(piece.value);
    }
  }

  // After the machine has slept, nothing else says that the connection is gone.
  const watch = setInterval(() => Date.now() - heard > SILENCE && cut.abort(), 5000);
  const retry = () => again();
  addEventListener("online", retry);

  (async () => {
    while (!closed) {
      await listen().catch(() => cut.abort());
      if (closed) return;
      show(false);
      // The pages of all clients must not come back at the same moment.
      const wait = Math.min(source.pause * 2 ** failures++, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
      await new Promise((done) => setTimeout((again = done), wait));
    }
  })();

  return () => {
    closed = true;
    cut.abort();
    again();
    clearInterval(watch);
    removeEventListener("online", retry);
  };
}
