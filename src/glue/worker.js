// The Worker as the runtime knows it: takes requests, hands them to the core (src/glue/mod.rs, compiled to WebAssembly), and
// its answers back. It decides nothing.
//
// A panic leaves an instance of WebAssembly that cannot be used any more. Then everything under way in it is ended, or its
// customers would wait for what never comes, and the next request is served by a fresh instance.
import * as core from './livery.js';
import { flow } from './bodies.js';
import { GONE, send, wholeBody } from './calls.js';
import { Books } from './ledger.js';

/** How long after an alarm that failed the next one is, in milliseconds. */
const AGAIN_MS = 10_000;

/** What has to be ended if the instance dies. */
const underWay = new Set();
/** How many instances died. What waits in one of them has a number that means something else in the next. */
let deaths = 0;
let lastWords;

export default {
  fetch(request, env, context) {
    const visit = new Visit(request, env, context);
    const answer = request.method === 'POST' ? visit.beginWithBody() : visit.begin([]);
    // The runtime would drop a request whose customer goes away where it stands: a report that a merchant is just being told
    // would be lost. What ends calls made for a customer is the request's signal.
    if (answer instanceof Promise) context.waitUntil(answer);
    return answer;
  },
};

/** An account's Durable Object. */
export class Ledger {
  constructor(context, env) {
    this.context = context;
    this.env = env;
    this.books = new Books(context.storage);
  }

  fetch(request) {
    return new Visit(request, this.env, this.context, this.books).beginWithBody();
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
    return work(this.books ? () => this.books.turn(turn) : turn);
  }

  query(statement, values) {
    return this.books.query(statement, values);
  }

  wakeAt(moment) {
    this.books.wakeAt(moment);
  }

  undo() {
    this.books.undo();
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
    return this.request.url;
  }

  ask(waiting, calls) {
    const signal = this.request.signal;
    return whileAlive((isAlive) =>
      send(calls, this.env, signal).then((came) => {
        if (!isAlive()) return undefined;
        if (came !== GONE) return this.work(() => core.resume(this, waiting, came, Date.now()));
        core.forget(waiting);
        return new Response(null);
      }),
    );
  }

  /** Whoever began it may leave: it is for those who come after. */
  askBeside(waiting, calls) {
    const beside = new Visit({ signal: undefined }, this.env, this.context, this.books);
    this.context.waitUntil(beside.ask(waiting, calls).catch(() => {}));
  }

  respondFlowing(status, headers, came, scrubber) {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const born = deaths;
    const inTime = (turn) => {
      if (born !== deaths) throw new Error('the instance ended');
      return work(turn);
    };
    const clean = { push: (block) => inTime(() => core.push(scrubber, block)), finish: () => inTime(() => core.finish(scrubber)) };
    const broken = async (reason) => {
      came.stream.cancel();
      // Or the core would keep what it held back for as long as the instance lives.
      if (born === deaths) core.finish(scrubber);
      await writer.abort(reason).catch(() => {});
      if (!this.request.signal.aborted) error('a body broke off before its end');
    };
    this.context.waitUntil(whileAlive(() => flow(came.stream, writer, clean)).catch(broken));
    return new Response(readable, { status, headers: fields(headers) });
  }
}

export function respond(status, headers, body) {
  return new Response(body, { status, headers: fields(headers) });
}

export function leaveLastWords(answer) {
  lastWords = answer;
}

export const log = (line) => console.log(line);
export const error = (line) => console.error(line);

/** Headers from lines of names and values. Cookies alone may repeat. */
export function fields(lines) {
  const parts = lines.split('\n');
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
    for (const end of underWay) end(new Error('the instance ended'));
    underWay.clear();
    if (answer) return answer;
    throw error;
  }
}

/** What is under way as long as the instance lives, and fails if it dies, whoever's request brings that about. */
function whileAlive(begin) {
  const { promise, resolve, reject } = Promise.withResolvers();
  underWay.add(reject);
  const isAlive = () => underWay.delete(reject);
  begin(isAlive).then(resolve, reject).finally(isAlive);
  return promise;
}
