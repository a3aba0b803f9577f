// Server-sent events: the lines that a ledger's WebSocket brings, as fast as they are read.

/** How often a line is sent that says nothing, in milliseconds: what is silent for long is taken for dead on its way. */
const BEAT_MS = 25_000;
/** So many beats may wait to be read: whoever reads nothing is given up, and does not have them heap up. */
const BEATS = 2;
/** How long what was written last may take to be read when all is over, in milliseconds. */
const LAST_MS = 5_000;
/** A comment, which asks whether all before it was read, and is the answer to that. */
const ASKS = ':';

/** Carries lines to `writer` until one of both ends. What was written was read, so what asks is answered then. */
export async function carry(socket, writer, signal) {
  const { promise: ended, resolve: end } = Promise.withResolvers();
  const encoder = new TextEncoder();
  let last = Promise.resolve();
  const write = (lines) => {
    last = last.then(() => writer.write(encoder.encode(lines)));
    last.catch(end);
    return last;
  };
  socket.addEventListener('message', ({ data }) => {
    const answer = () => data.startsWith(ASKS) && socket.send(data.slice(ASKS.length));
    write(data).then(answer).catch(end);
  });
  socket.addEventListener('close', end);
  socket.addEventListener('error', end);
  signal.addEventListener('abort', end);
  socket.accept();
  let beats = 0;
  const beat = setInterval(() => {
    if (beats === BEATS) return end();
    beats += 1;
    return write(`${ASKS}\n\n`).then(() => (beats -= 1)).catch(end);
  }, BEAT_MS);
  await ended;
  clearInterval(beat);
  try {
    socket.close(1000);
  } catch {
    // It was closed by the other side.
  }
  // Whoever reads sees the end, and comes back behind the last event that they saw. Whoever does not would be kept for ever.
  const giveUp = setTimeout(() => writer.abort().catch(() => {}), LAST_MS);
  await last.then(() => writer.close()).catch(() => {});
  clearTimeout(giveUp);
}
