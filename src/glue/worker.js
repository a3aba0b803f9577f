// The Worker as the runtime knows it: takes requests, hands them to the core (src/glue/mod.rs, compiled to WebAssembly), and
// its answers back. It decides nothing.
//
// A panic leaves an instance of WebAssembly that cannot be used any more. The next request is served by a fresh one, and what is
// under way in the old one ends when it would go on.
import { WorkerEntrypoint } from 'cloudflare:workers';
import * as core from './livery.js';
import { flow } from './bodies.js';
import { FAULT, faultOf, send, wholeBody } from './calls.js';
import { Books } from './ledger.js';
import { carry } from './lines.js';

/** How long after an alarm that failed the next one is, in milliseconds. */
const AGAIN_MS = 10_000;
/** How many instances died. What waits in one of them has a number that means something else in the next. */
let deaths = 0;
let lastWords;

export default {
  fetch(request, env, context) {
    const visit = new Visit(request, env, context);
    const hasBody = request.method === 'POST' || request.method === 'PATCH';
    return hasBody ? visit.beginWithBody() : visit.begin([]);
  },
};

/** Makes a ledger's calls to webhook endpoints, each with connections of its own. Nobody reaches it but our own code. */
export class Courier extends WorkerEntrypoint {
  async fetch(request) {
    try {
      return await fetch(request, { redirect: 'manual' });
    } catch (error) {
      // What is thrown here stands in the operator's log, as if Livery had failed.
      return new Response(null, { status: 599, headers: { [FAULT]: faultOf(error) } });
    }
  }
}

/** An account's Durable Object. */
export class Ledger {
  constructor(context, env) {
    this.context = context;
    this.env = env;
    this.books = new Books(context);
    // Whoever wants to know whether the connection lives is answered without waking anybody.
    context.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"type":"ping"}', '{"type":"pong"}'));
  }

  fetch(request) {
    return new Visit(request, this.env, this.context, this.books).beginWithBody();
  }

  webSocketMessage(socket, message) {
    // What comes behind our own closing is for nobody, however much it is.
    if (socket.readyState !== WebSocket.OPEN) return undefined;
    return this.listener(socket, 'heard', message);
  }

  webSocketClose(socket, code) {
    try {
      socket.close(code);
    } catch {
      // The runtime has answered already, or the code is one that nobody may send.
    }
    return this.listener(socket, 'closed');
  }

  webSocketError(socket) {
    return this.listener(socket, 'closed');
  }

  /** Tells the core what a listener does. */
  async listener(socket, what, body) {
    const headers = { 'livery-socket': this.context.getTags(socket)[0] };
    await this.fetch(new Request(`https://own.ledger/${what}`, { method: 'POST', headers, body }));
  }

  /** What it begins goes on by itself; if it is lost, its tasks are due again later. */
  async alarm() {
    const answer = await this.fetch(new Request('https://own.ledger/alarm', { method: 'POST' }));
    // Nothing was planned then: with settings that are wrong, say. Without this the ledger would sleep until somebody asks it.
    if (!answer.ok) await this.context.storage.setAlarm(Date.now() + AGAIN_MS);
  }
}

class Visit {
  constructor(request, env, context, books) {
    this.request = request;
    this.env = env;
    this.context = context;
    this.books = books;
  }

  begin(body) {
    const { request } = this;
    const begin = this.books ? core.begin_in_ledger : core.begin;
    return this.work(() => begin(this, request.method, request.url, request.headers, body, Date.now()));
  }

  /** Lets the core work: in a ledger in one transaction. */
  work(turn) {
    return work(this.books ? () => this.books.turn(turn, deaths) : turn);
  }

  query(statement, values) {
    return this.books.query(statement, values);
  }

  isNew() {
    return this.books.isNew;
  }

  wakeAt(moment) {
    this.books.wakeAt(moment);
  }

  undo() {
    this.books.undo();
  }

  tell(sockets, text) {
    this.books.say(sockets.split('\n'), (socket) => socket.send(text));
  }

  hangUp(id, code, reason) {
    this.books.say([id], (socket) => socket.close(code, reason));
  }

  sockets() {
    return this.books.sockets();
  }

  /** Its other end may sleep while it is open. */
  welcome(id, lines) {
    const { 0: theirs, 1: ours } = new WebSocketPair();
    try {
      this.context.acceptWebSocket(ours, [id]);
    } catch {
      // The platform holds no more for a ledger: those that were closed and whose other end never answered count, too.
      this.undo();
      return new Response(null, { status: 429 });
    }
    return new Response(null, { status: 101, webSocket: theirs, headers: told(lines) });
  }

  /** A ledger's WebSocket as server-sent events. */
  respondLines(lines, came) {
    const { readable, writable } = new IdentityTransformStream();
    this.context.waitUntil(carry(came.socket, writable.getWriter(), this.request.signal));
    return new Response(readable, { headers: told(lines) });
  }

  async beginWithBody() {
    return this.begin(await wholeBody(this.request.body));
  }

  setting(name) {
    const value = this.env[name];
    return value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
  }

  /** Whatever stands there: what is no text would be written into the core's memory as if it were one. */
  cfCountry() {
    const country = this.request.cf?.country;
    return typeof country === 'string' ? country : undefined;
  }

  url() {
    return this.request.url ?? '';
  }

  ask(waiting, calls) {
    const answer = this.resume(waiting, calls);
    // What a ledger began it ends, whoever asked for it.
    if (this.books) this.context.waitUntil(answer.catch(() => {}));
    return answer;
  }

  async resume(waiting, calls) {
    const born = deaths;
    const came = await send(calls, this.context, this.env, this.books !== undefined);
    if (born !== deaths) throw new Error('the instance ended');
    return this.work(() => core.resume(this, waiting, came, Date.now()));
  }

  /** Whoever began it may leave: it is for those who come after. */
  askBeside(waiting, calls) {
    const beside = new Visit({}, this.env, this.context, this.books);
    this.context.waitUntil(beside.resume(waiting, calls).catch(() => {}));
  }

  respondFlowing(status, lines, came, scrubber) {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const { signal } = this.request;
    // What flows has to be ended in the core, and so goes on though its customer left: until the gateway's next block, or this.
    signal.addEventListener('abort', () => came.stream.cancel());
    const born = deaths;
    const clean = {
      push: (block) => inTime(born, () => core.push(scrubber, block)),
      finish: () => inTime(born, () => core.finish(scrubber)),
    };
    const broken = async (reason) => {
      came.stream.cancel();
      // Or the core would keep what it held back for as long as the instance lives.
      if (born === deaths) core.finish(scrubber);
      await writer.abort(reason).catch(() => {});
      if (!signal.aborted) error('a body broke off before its end');
    };
    this.context.waitUntil(flow(came.stream, writer, clean).catch(broken));
    return new Response(readable, { status, headers: told(lines) });
  }
}

/** Hands on a ledger's WebSocket. */
export function respondSocket(lines, came) {
  return new Response(null, { status: 101, webSocket: came.socket, headers: told(lines) });
}

export function respond(status, lines, body) {
  return new Response(body, { status, headers: told(lines) });
}

/** Headers of an answer, from lines of which the first is what the log says about it. */
function told(lines) {
  const [line, ...headers] = lines.split('\n');
  if (line !== '') console.log(line);
  return fields(headers);
}

/** The names of headers that are often read. */
let often = [];

export function readOften(names) {
  often = names.split('\n');
}

export const header = (headers, which) => headers.get(often[which]);

export function leaveLastWords(answer) {
  lastWords = answer;
}

export const error = (line) => console.error(line);

/** Headers from names and values in turn. Cookies alone may repeat. */
export function fields(parts) {
  const object = {};
  for (let at = 0; at + 1 < parts.length; at += 2) {
    if (parts[at] === 'set-cookie') return pairs(parts);
    object[parts[at]] = parts[at + 1];
  }
  return object;
}

const pairs = (parts) => Array.from({ length: parts.length / 2 }, (_, at) => parts.slice(2 * at, 2 * at + 2));

/** Lets the core work. Whatever it throws has ended the instance. */
function work(turn) {
  try {
    return turn();
  } catch (error) {
    const answer = lastWords;
    lastWords = undefined;
    core.__wbg_reset_state();
    deaths++;
    if (answer) return answer;
    throw error;
  }
}

/** The same for what began when so many instances had died: what it waited with went with its own. */
function inTime(born, turn) {
  if (born !== deaths) throw new Error('the instance ended');
  return work(turn);
}
