// What the tool scripts share: where the project is, how to talk, how to run other programs and be sure they end.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const inProject = (...parts) => join(root, ...parts);

/** What the project allows itself; the tests in Rust read the same file. */
export const budgets = JSON.parse(readFileSync(inProject('tools', 'budgets.json'), 'utf8'));

/** What comes over the network is asked for again where it fails, more often than by default: a set-up has many downloads. */
const AGAIN = { CARGO_NET_RETRY: '10', RUSTUP_MAX_RETRIES: '10', npm_config_fetch_retries: '5', PIP_RETRIES: '10' };

/** The project's own tools (and its Node) come before the machine's; wrangler stays quiet and offline. */
export const environment = {
  ...AGAIN,
  ...process.env,
  PATH: [inProject('node_modules', '.bin'), process.env.PATH].join(delimiter),
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
};

/** A failure whose message is all the reader needs. */
export class Failure extends Error {}

export const say = (text) => console.error(`[livery] ${text}`);

/** Runs `main` when `module` is the script that node was asked to run. */
export async function script(module, main) {
  if (!process.argv[1] || fileURLToPath(module) !== realpathSync(process.argv[1])) return;
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

/** The output of a command, however long, or null if it is missing or fails. */
export function capture(command, args) {
  const done = spawnSync(command, args, { cwd: root, env: environment, encoding: 'utf8', maxBuffer: Infinity });
  return done.status === 0 ? done.stdout.trim() : null;
}

/** Runs a command in the foreground, its output on stderr; true if it succeeded. */
export function run(command, args, env = {}) {
  const stdio = ['ignore', 2, 2];
  return spawnSync(command, args, { cwd: root, env: { ...environment, ...env }, stdio }).status === 0;
}

/**
 * Starts a command in the background that dies with this process, even if this process is killed (see tied.sh).
 * `stderr` and `stdout` as in node's `stdio`.
 */
export function tied(command, args, { env = {}, stdout = 'pipe', stderr = 'inherit', cwd = root } = {}) {
  return spawn('sh', [inProject('tools', 'tied.sh'), command, ...args], {
    cwd,
    env: { ...environment, ...env },
    detached: true,
    stdio: ['pipe', stdout, stderr],
  });
}

/** Ends a tied process and all that it started: politely at first, by force after `patience` milliseconds. */
export async function stop(child, patience = 3000) {
  const ended = new Promise((resolve) => child.once('close', resolve));
  if (child.exitCode === null && child.signalCode === null) {
    signal(child, 'SIGTERM');
    const force = setTimeout(() => signal(child, 'SIGKILL'), patience);
    await ended;
    clearTimeout(force);
  }
  child.stdin.destroy();
}

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** The first line of a child's output that is a JSON object, or a failure if it ends or stays silent. */
export function firstJson(child, what, milliseconds = 120_000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Failure(`${what} did not start in time`)), milliseconds);
    child.once('error', (error) => reject(new Failure(`${what} could not be started: ${error.message}`)));
    child.once('exit', (code) => reject(new Failure(`${what} ended before it was ready (code ${code})`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      clearTimeout(timer);
      resolve(JSON.parse(line));
    });
  });
}

/** The answer of `url`, as soon as there is one. */
export async function answers(url, child, what, milliseconds = 120_000) {
  const deadline = Date.now() + milliseconds;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Failure(`${what} ended before it was ready (code ${child.exitCode})`);
    const answer = await fetch(url).catch(() => null);
    if (answer) return answer;
    await sleep(100);
  }
  throw new Failure(`${what} did not answer at ${url}`);
}

/** Binds and releases a loopback port: the port itself, or null if it is taken. Port 0 picks a free one. */
export function tryPort(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const { port: bound } = server.address();
      server.close(() => resolve(bound));
    });
  });
}
