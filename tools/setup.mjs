// Set-up: installs what `npm start`, `npm test`, wrangler's build and the others need, and only what is missing.
// The machine supplies Node, npm, Rust and, if it has one, Python; everything else lives inside the project (node_modules, .tools).
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { capture, Failure, inProject, run, say, script } from './process.mjs';

const NODE_FOR_SCRIPTS = 20;
const NODE_FOR_WRANGLER = 22;
const TARGET = 'wasm32-unknown-unknown';
const read = (...path) => readFileSync(inProject(...path), 'utf8');

export function setUp() {
  checkPrerequisites();
  installPackages();
  addTarget();
  installTools(pinnedTools());
  installPythonPackages();
  createDevVars();
}

function checkPrerequisites() {
  const missing = [
    major(process.version) < NODE_FOR_SCRIPTS &&
      `Node ${NODE_FOR_SCRIPTS} or newer (this is ${process.version}): install it from https://nodejs.org`,
    !capture('npm', ['--version']) && 'npm: it comes with Node, from https://nodejs.org',
    !capture('cargo', ['--version']) && 'Rust: install it from https://rustup.rs, then open a new terminal',
  ].filter(Boolean);
  if (missing.length) throw new Failure(`missing on this machine:\n  - ${missing.join('\n  - ')}`);
}

const major = (version) => Number(/^v(\d+)/.exec(version ?? '')?.[1] ?? 0);

// --- npm packages ---

function installPackages() {
  if (!packagesAreInstalled()) {
    say('installing npm packages (about 15 seconds)');
    const installed = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    if (!installed) throw new Failure('npm ci failed: its reason is above');
  }
  // npm 12 skips install scripts that are not allowed and still reports success, which leaves `node` empty.
  if (major(capture('node', ['--version'])) < NODE_FOR_WRANGLER) {
    throw new Failure(`wrangler needs Node ${NODE_FOR_WRANGLER} and npm did not install it: try npm rebuild node`);
  }
}

/** npm keeps its own record of what it installed: compare it with the lock file. */
function packagesAreInstalled() {
  const record = inProject('node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(JSON.parse(read('package-lock.json')).packages).every(
    ([path, wanted]) => path === '' || wanted.optional || installed[path]?.version === wanted.version,
  );
}

// --- Rust target and tools ---

function addTarget() {
  const folder = capture('rustc', ['--print', 'target-libdir', '--target', TARGET]);
  if (folder && existsSync(folder)) return;
  say(`adding the Rust target ${TARGET} (about 10 seconds)`);
  if (run('rustup', ['target', 'add', TARGET])) return;
  throw new Failure(`Rust's ${TARGET} target is missing and rustup could not add it (https://rustup.rs)`);
}

/** It must match the crate that the Worker is built with, so Cargo.lock is what pins it. */
function pinnedTools() {
  const lock = read('Cargo.lock');
  const version = (name) => new RegExp(`name = "${name}"\\r?\\nversion = "(.+)"`).exec(lock)[1];
  return [{ crate: 'wasm-bindgen-cli', binary: 'wasm-bindgen', version: version('wasm-bindgen') }];
}

export const toolPath = (binary) => inProject('.tools', 'bin', binary);

const isInstalled = ({ binary, version }) => capture(toolPath(binary), ['--version'])?.split(' ').includes(version);

/** Unoptimised: they run for a fraction of a second and would compile for minutes more. */
export function installTools(tools) {
  const missing = tools.filter((tool) => !isInstalled(tool));
  if (missing.length === 0) return;
  const env = { CARGO_TARGET_DIR: inProject('.tools', 'target'), CARGO_PROFILE_DEV_DEBUG: '0' };
  for (const tool of missing) installTool(tool, env);
  rmSync(env.CARGO_TARGET_DIR, { recursive: true, force: true });
}

function installTool({ crate, binary, version }, env) {
  say(`compiling ${crate} ${version} into .tools (once; 1 to 4 minutes)`);
  const args = ['install', `${crate}@${version}`, '--bin', binary, '--debug', '--root', inProject('.tools'), '--force'];
  if (run('cargo', [...args, '--locked'], env)) return;
  say('its own lock file does not work with this registry: trying again without');
  if (!run('cargo', args, env)) throw new Failure(`${crate} ${version} could not be compiled: the reason is above`);
}

// --- Python packages, for the tests of docs/webhooks.md ---

const REQUIREMENTS = inProject('tests', 'webhooks', 'requirements.txt');
/** The machine's Python, with packages of the project's own. */
export const pythonPath = inProject('.tools', 'python', 'bin', 'python');

/** Without a Python that can have packages of its own there are none, and nothing but those tests misses them: under CI they must run. */
function installPythonPackages() {
  if (hasPythonPackages() || capture('python3', ['-c', 'import ensurepip, venv']) === null) return;
  say('installing Python packages for the tests (about 5 seconds)');
  const install = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '--only-binary=:all:', '--requirement', REQUIREMENTS];
  const installed = run('python3', ['-m', 'venv', '--clear', inProject('.tools', 'python')]) && run(pythonPath, install);
  if (!installed && process.env.CI) throw new Failure('the Python packages could not be installed: the reason is above');
  if (!installed) return say('the Python packages could not be installed: the tests that need them will be skipped');
  writeFileSync(pythonRecord(), pythonState());
}

export const hasPythonPackages = () =>
  existsSync(pythonPath) && existsSync(pythonRecord()) && readFileSync(pythonRecord(), 'utf8') === pythonState();

const pythonRecord = () => inProject('.tools', 'python', 'installed');

/** What packages are installed into, and which: those of another version of Python are not found by this one. */
const pythonState = () => `${realpathSync(pythonPath)}\n${readFileSync(REQUIREMENTS, 'utf8')}`;

// --- local settings ---

/** Settings for local use, from the documented example, with a signing key that nobody else has. */
function createDevVars() {
  if (existsSync(inProject('.dev.vars'))) return;
  const key = randomBytes(32).toString('base64');
  const text = read('.dev.vars.example').replace(/^SIGNING_KEY=.*$/m, `SIGNING_KEY=${key}`);
  writeFileSync(inProject('.dev.vars'), text, { mode: 0o600 });
  say('wrote .dev.vars: settings for local use, with a fresh signing key');
}

await script(import.meta.url, setUp);
