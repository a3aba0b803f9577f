// Calls to the gateway, to merchants and to Cloudflare's cache. Redirects are never followed: where they lead is the core's
// decision.
import { Blocks, excerptOf, textOf } from './bodies.js';
import { fields } from './worker.js';

/** Longest request body read, in bytes (http::MAX_BODY). */
const MAX_BODY = 64 * 1024;
/** Longest reply read as text, in bytes (http::MAX_TEXT). */
const MAX_TEXT = 256 * 1024;
/** The same of a ledger's: a page of its largest objects, of which each was a request's body once. */
const MAX_LEDGER_TEXT = 101 * MAX_BODY;
// flow::Callee
const [MERCHANT, LEDGER, EDGE, ENDPOINT] = [1, 3, 4, 5];
// http::Read
const [NOTHING, , STREAM, , SOCKET] = [0, 1, 2, 3, 4];
/** By this header `Courier` says that no answer came, and why. */
export const FAULT = 'livery-fault';
// http::Fault
const [UNREACHABLE, TIMEOUT, UNREADABLE, HANDSHAKE] = [1, 2, 3, 4];

/** A call to make, its method, URL and headers in one text. The body lies in the core's memory, which may move before it is sent. */
export function call(to, isShared, lines, body, read, timeout) {
  const [method, url, ...headers] = lines.split('\n');
  return { to, isShared, method, url, headers: fields(headers), body: body?.slice(), read, timeout, ending: undefined };
}

class Came {
  constructor(status, headers) {
    this.status = status;
    this.headers = headers;
    this.text = '';
    this.stream = undefined;
  }

  get hasStream() {
    return this.stream !== undefined;
  }

  get isWhole() {
    return this.stream.isAtEnd;
  }

  get ahead() {
    return this.stream.ahead;
  }

  get beginning() {
    return this.stream === undefined ? NO_BYTES : this.stream.ahead.subarray(0, 4);
  }
}

const NO_BYTES = new Uint8Array(0);

/**
 * Makes calls at once; what came of each. The runtime ends a request whose customer goes away, and its calls with it. What others
 * may wait for is carried on, and a report to a merchant, which would be lost. A ledger's calls are ended by us when their time is
 * over: it lives on, and what it no longer waits for would keep the few connections that it has.
 */
export function send(calls, context, env, isLedger) {
  if (isLedger) for (const call of calls) call.ending = new AbortController();
  return Promise.all(calls.map((call) => one(call, context, env)));
}

function one(call, context, env) {
  if (call.isShared) return shared(call, context);
  if (call.to === ENDPOINT) return toEndpoint(call, context);
  const came = within(call.timeout, attempt(call, env), call.ending);
  if (call.to === MERCHANT) context.waitUntil(came);
  return came;
}

/**
 * A webhook. It is made by another Worker of ours (`Courier`): one that hangs takes none of the few connections that a ledger may
 * have waiting.
 */
async function toEndpoint({ url, method, headers, body, timeout, ending }, context) {
  const timer = setTimeout(() => ending.abort(), timeout);
  try {
    const { signal } = ending;
    const reply = await context.exports.Courier.fetch(url, { method, headers, body, redirect: 'manual', signal });
    const fault = reply.headers.get(FAULT);
    if (fault) return new Came(fault === String(HANDSHAKE) ? HANDSHAKE : UNREACHABLE);
    const came = new Came(reply.status, reply.headers);
    came.text = await excerptOf(reply);
    return came;
  } catch {
    return new Came(ending.signal.aborted ? TIMEOUT : UNREACHABLE);
  } finally {
    clearTimeout(timer);
  }
}

/** The runtime's words for a name that does not resolve, and for a certificate that it does not trust, are the same. */
export const faultOf = ({ message }) => (message.startsWith('internal error') ? HANDSHAKE : UNREACHABLE);

/** What comes within that time. A call that is late goes on in vain until its request ends, which ends it, or is ended. */
function within(milliseconds, work, ending) {
  return new Promise((resolve) => {
    const late = () => {
      resolve(new Came(TIMEOUT));
      ending?.abort();
    };
    const timer = setTimeout(late, milliseconds);
    work.then((came) => {
      clearTimeout(timer);
      resolve(came);
    });
  });
}

/** Calls under way whose outcome others share: by what they ask for, those to tell, and until when that can be. */
const flights = new Map();
/** With more flights than this, those that nobody ended are looked for: the runtime may have ended whoever called. */
const MANY = 1000;

/** The first who asks makes the call; whoever asks for the same meanwhile is told. */
function shared(call, context, until = Date.now() + call.timeout) {
  const what = `${call.to} ${call.url}`;
  const flight = flights.get(what);
  return flight && Date.now() < flight.until ? follow(flight, call, context, until) : lead(what, call, context, until);
}

function lead(what, call, context, until) {
  const flight = { others: [], until };
  if (flights.size > MANY) forgetEnded();
  flights.set(what, flight);
  const came = within(until - Date.now(), attempt(call), call.ending).then((came) => {
    if (flights.get(what) === flight) flights.delete(what);
    for (const tell of flight.others) tell(came);
    return came;
  });
  context.waitUntil(came);
  return came;
}

/** If the first one had less time, the next calls. */
async function follow(flight, call, context, until) {
  const came = await within(until - Date.now(), toldWith(flight.others));
  return came.status === TIMEOUT && Date.now() < until ? shared(call, context, until) : came;
}

function forgetEnded() {
  for (const [what, { until }] of flights) if (until < Date.now()) flights.delete(what);
}

/**
 * A promise of their own: what follows it then runs as their request, and not as that of whoever called. The runtime notes whose
 * a promise is, but not of one that `new Promise` makes in optimised code: there it fails after some thousand requests.
 */
function toldWith(others) {
  const { promise, resolve } = Promise.withResolvers();
  others.push(resolve);
  return promise;
}

async function attempt(call, env) {
  try {
    return await receive(call, await made(call, env));
  } catch {
    return new Came(UNREACHABLE);
  }
}

function made(call, env) {
  if (call.to === EDGE) return cached(call);
  return call.to === LEDGER ? asked(call, env.LEDGER) : fetched(call);
}

/** A ledger, named by the first label of the URL's host. */
function asked({ url, method, headers, body }, ledgers) {
  const [name] = new URL(url).hostname.split('.');
  return ledgers.getByName(name).fetch(url, { method, headers, body });
}

function fetched({ url, method, headers, body, ending }) {
  return fetch(url, { method, headers, body, redirect: 'manual', signal: ending?.signal });
}

async function cached({ url, method, headers, body }) {
  if (method === 'PUT') await caches.default.put(url, new Response(body, { headers }));
  const kept = method === 'PUT' ? undefined : await caches.default.match(url);
  return kept ?? new Response(null, { status: 404 });
}

async function receive({ to, read, timeout }, reply) {
  const came = new Came(reply.status, reply.headers);
  if (read === STREAM && reply.status < 300) {
    came.stream = new Blocks(reply.body, timeout);
    await came.stream.readAhead();
  } else if (read === SOCKET && reply.webSocket) {
    came.socket = reply.webSocket;
  } else if (read === NOTHING || (read === STREAM && reply.status < 400)) {
    // Nobody reads it, and its sender would hold the connection.
    reply.body?.cancel().catch(() => {});
  } else {
    const text = await textOf(reply, to === LEDGER ? MAX_LEDGER_TEXT : MAX_TEXT);
    if (text === undefined && reply.status < 400) return new Came(UNREADABLE);
    came.text = text ?? '';
  }
  return came;
}

/** A request's body, if it is not too large. */
export async function wholeBody(body) {
  if (!body) return NO_BYTES;
  try {
    const blocks = new Blocks(body, Infinity, MAX_BODY + 1);
    await blocks.readAhead();
    if (blocks.isAtEnd) return blocks.ahead;
    blocks.cancel();
  } catch {
    // A body that breaks off is as good as one that is too large: none of it is used.
  }
  return undefined;
}
