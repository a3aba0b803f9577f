// Livery on this machine: the sandbox gateway and, in front of it, the Worker under `wrangler dev`.
// `npm start` and the tests in tests/smoke and tests/browser run exactly this.
import { answers, Failure, firstJson, run, stop, tied, tryPort } from './process.mjs';

const SANDBOX_PORTS = ['api', 'checkout', 'provider', 'shop'];

export function buildSandbox() {
  if (!run('cargo', ['build', '-p', 'livery-sandbox'])) throw new Failure('the sandbox does not build');
}

/**
 * Starts both and waits until they answer. `settings` override .dev.vars and wrangler.toml; `options` and `env` go to
 * wrangler. The result has the `livery` URL, the `sandbox` URLs, `ended` (a promise) and `stop()`.
 */
export async function startLocal({ ports, settings = {}, options = [], env = {}, quiet = false }) {
  const children = [];
  const stopAll = () => Promise.all(children.map((child) => stop(child)));
  try {
    const livery = `http://127.0.0.1:${ports.livery}`;
    children.push(spawnSandbox(ports, livery));
    const sandbox = await firstJson(children[0], 'the sandbox');
    children.push(spawnWorker(ports.livery, { ...gatewayOf(sandbox), ...settings }, options, env, quiet));
    await answers(`${livery}/healthz`, children[1], 'the Worker');
    return { livery, sandbox, ended: firstToEnd(children), stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/**
 * Free ports for everything that `startLocal` starts. They lie below those that systems give to outgoing connections, in a
 * row of this process's own: a port that is merely free at the moment may be somebody else's before it is used.
 */
export async function freePorts() {
  const ports = {};
  for (const name of ['livery', ...SANDBOX_PORTS]) ports[name] = await freePort();
  return ports;
}

let nextPort = 10_000 + (process.pid % 2_000) * 10;

/** One of them. */
export async function freePort() {
  const port = await tryPort(nextPort++);
  return port ?? freePort();
}

function spawnSandbox(ports, livery) {
  const flags = SANDBOX_PORTS.flatMap((name) => [`--${name}`, String(ports[name])]);
  const command = ['run', '--quiet', '-p', 'livery-sandbox', '--', ...flags, '--livery', livery];
  return tied('cargo', command);
}

const gatewayOf = (sandbox) => ({ GATEWAY_API_URL: sandbox.api, GATEWAY_CHECKOUT_URL: sandbox.checkout });

function spawnWorker(port, settings, options, env, quiet) {
  const address = ['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'];
  const own = { CHECKOUT_DOMAIN: `127.0.0.1:${port}`, ...settings };
  const vars = Object.entries(own).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
  const stdout = quiet ? 'ignore' : 'inherit';
  return tied('wrangler', ['dev', ...address, ...vars, ...options], { env, stdout });
}

const firstToEnd = (children) =>
  Promise.race(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
