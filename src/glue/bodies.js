// Bodies, read in large blocks: the runtime hands them over in chunks of 4 KiB, and each chunk costs as much as scrubbing it.

/** How much is waited for, in bytes. */
const BLOCK = 64 * 1024;
/** How much is taken where it is there already, in bytes. */
const MOST = 256 * 1024;

/** How much of a text is read at a time at most, in bytes. */
const PART = 16 * 1024;

/** A body on its way in, whose sender may keep us waiting for `timeout` milliseconds; the time of its reader does not count. */
export class Blocks {
  constructor(body, timeout, first = BLOCK) {
    this.reader = body?.getReader({ mode: 'byob' });
    this.timeout = timeout;
    this.first = first;
    this.ahead = new Uint8Array(0);
  }

  get isAtEnd() {
    return this.reader === undefined;
  }

  /** Reads the first block ahead, so that a body that breaks off at its start is noticed before anything is answered. */
  async readAhead() {
    this.ahead = await this.read(this.first);
  }

  /** The next block; empty at the end. */
  async next() {
    if (this.ahead.length > 0) {
      const { ahead } = this;
      this.ahead = new Uint8Array(0);
      return ahead;
    }
    if (this.isAtEnd) return this.ahead;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('its sender took too long')), this.timeout);
    });
    try {
      return await Promise.race([this.read(BLOCK, MOST), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** At least so many bytes, unless it ends before. They are good until the next are read, which come in the same memory. */
  async read(least, most = least) {
    if (this.isAtEnd) return new Uint8Array(0);
    const into = this.memory?.byteLength >= most ? new Uint8Array(this.memory, 0, most) : new Uint8Array(most);
    const { value } = await this.reader.readAtLeast(least, into);
    this.memory = value?.buffer;
    const bytes = value ?? new Uint8Array(0);
    if (bytes.length < least) this.reader = undefined;
    return bytes;
  }

  cancel() {
    this.reader?.cancel().catch(() => {});
  }
}

/** How much of an answer is kept, in bytes, and how long is waited for it behind its head, in milliseconds. */
const [EXCERPT, EXCERPT_MS] = [1024, 2000];

/** A reply's head, an empty line, and the beginning of its body, as much as comes in time. */
export async function excerptOf(reply) {
  const head = [...reply.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
  const bytes = new Uint8Array(EXCERPT);
  const reader = reply.body?.getReader();
  let length = 0;
  const timer = setTimeout(() => reader?.cancel().catch(() => {}), EXCERPT_MS);
  try {
    while (reader && length < EXCERPT) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes.set(value.subarray(0, EXCERPT - length), length);
      length = Math.min(length + value.length, EXCERPT);
    }
  } catch {
    // It broke off: what came before counts.
  }
  clearTimeout(timer);
  reader?.cancel().catch(() => {});
  return `${head}\n${new TextDecoder().decode(bytes.subarray(0, length))}`;
}

/** A reply's text; `undefined` if it is longer than `limit` bytes. Never is more taken into memory. */
export async function textOf(reply, limit) {
  if (isShort(reply.headers, limit)) return reply.text();
  const blocks = new Blocks(reply.body, Infinity);
  // One of its own: it keeps the part of a letter with which a block ends.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let [text, total] = ['', 0];
  while (!blocks.isAtEnd) {
    const part = await blocks.read(PART);
    text += decoder.decode(part, { stream: !blocks.isAtEnd });
    total += part.length;
    if (total > limit) {
      blocks.cancel();
      return undefined;
    }
  }
  return text;
}

/** Whether its length is known and can be believed: what is chunked or compressed may be longer than its head says. */
function isShort(headers, limit) {
  const length = headers.get('content-length');
  return length !== null && Number(length) <= limit && !headers.has('transfer-encoding') && !headers.has('content-encoding');
}

/** Carries a body through `clean` to `writer`, block by block, as fast as it is read there. */
export async function flow(blocks, writer, clean) {
  for (let block = await blocks.next(); block.length > 0; block = await blocks.next()) {
    const bytes = clean.push(block);
    if (bytes.length > 0) await writer.write(bytes);
  }
  const rest = clean.finish();
  if (rest.length > 0) await writer.write(rest);
  await writer.close();
}
