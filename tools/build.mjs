// Builds the Worker into build/: what wrangler deploys and what the tests run. Does nothing when nothing changed.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { capture, Failure, inProject, run, say, script } from './process.mjs';
import { setUp, toolPath } from './setup.mjs';

// tests/support reads the date of the stamp: sources newer than it mean a stale bundle.
const STAMP = 'stamp';
const OUTPUTS = ['index.js', 'index_bg.wasm'];
const INPUTS = ['src', 'scrub', 'askama.toml', 'Cargo.toml', 'Cargo.lock', 'package-lock.json', 'tools/build.mjs'];
const TARGET = 'wasm32-unknown-unknown';

export function build() {
  make('build', { profile: 'release', optimised: true }, 'building the Worker (a minute the first time)');
}

/** A Worker that panics where a request asks for it, for the test of what follows a panic. Not optimised: it builds faster. */
export function buildPanicking() {
  const options = { profile: 'dev', features: ['--features', 'provoke-panic'] };
  make('target/panicking', options, 'building a Worker that can be made to panic');
}

/** Builds the Worker into `folder`, unless that holds what would come of it. */
function make(folder, options, what) {
  setUp();
  const [stamp, ...outputs] = [STAMP, ...OUTPUTS].map((file) => inProject(folder, file));
  const began = new Date();
  const inputs = fingerprint();
  const isBuilt = [stamp, ...outputs].every((file) => existsSync(file)) && readFileSync(stamp, 'utf8') === inputs;
  if (isBuilt) return utimesSync(stamp, began, began);
  rmSync(stamp, { force: true });
  say(what);
  const parts = inProject(folder, 'parts');
  rmSync(parts, { recursive: true, force: true });
  compile(options);
  bind(options.profile, parts);
  if (options.optimised) optimise(join(parts, 'livery_bg.wasm'));
  bundle(parts, inProject(folder));
  rmSync(parts, { recursive: true });
  writeFileSync(stamp, inputs);
  utimesSync(stamp, began, began);
}

function step(command, args, environment) {
  if (!run(command, args, environment)) throw new Failure('the Worker does not build');
}

function compile({ profile, features = [] }) {
  const args = ['build', '--quiet', '--lib', '--target', TARGET, '--profile', profile, ...features];
  step('cargo', args, { CARGO_ENCODED_RUSTFLAGS: [...remapped, ...compact, ...vectors].join('\x1f') });
}

/** The JavaScript through which WebAssembly and the runtime talk, and with it our own, which names what it imports. */
function bind(profile, parts) {
  const wasm = inProject('target', TARGET, profile === 'dev' ? 'debug' : profile, 'livery.wasm');
  const options = ['--target', 'module', '--experimental-reset-state-function', '--no-typescript', '--remove-producers-section'];
  step(toolPath('wasm-bindgen'), [wasm, ...options, '--out-dir', parts]);
  for (const file of ['worker.js', 'calls.js', 'bodies.js', 'ledger.js', 'lines.js']) copyFileSync(inProject('src/glue', file), join(parts, file));
  // The runtime gives a module for a plain import, and does not know the other kind.
  const glue = join(parts, 'livery.js');
  writeFileSync(glue, readFileSync(glue, 'utf8').replace('import source ', 'import '));
}

/** What has one caller is not put into it if it is large: the runtime compiles a function at a time, when it is first called. */
const FEW_INLINED = '--one-caller-inline-max-function-size=100';

function optimise(wasm, names = '--strip-debug') {
  step(inProject('node_modules', '.bin', 'wasm-opt'), ['-Oz', FEW_INLINED, '--enable-simd', names, '--strip-producers', wasm, '-o', wasm]);
}

/** The Worker's WebAssembly with the names of its functions, made in `folder`: almost what is deployed, without names. */
export function namedWasm(folder) {
  compile({ profile: 'release' });
  bind('release', folder);
  const wasm = join(folder, 'livery_bg.wasm');
  optimise(wasm, '--debuginfo');
  return readFileSync(wasm);
}

function bundle(parts, folder) {
  const options = ['--bundle', '--minify', '--format=esm', '--log-level=warning', '--external:./index_bg.wasm', '--external:cloudflare:workers'];
  const glue = join(parts, 'livery.js');
  writeFileSync(glue, readFileSync(glue, 'utf8').replaceAll('./livery_bg.wasm', './index_bg.wasm'));
  step(inProject('node_modules', '.bin', 'esbuild'), [join(parts, 'worker.js'), ...options, `--outfile=${join(folder, 'index.js')}`]);
  renameSync(join(parts, 'livery_bg.wasm'), join(folder, 'index_bg.wasm'));
}

/** Without these the bundle would name folders of this machine. */
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
const sources = join(cargoHome, 'registry', 'src');
const registries = existsSync(sources) ? readdirSync(sources).map((name) => `${join(sources, name)}=`) : [];
const remapped = [`${cargoHome}=cargo`, ...registries, `${inProject()}=.`].map((map) => `--remap-path-prefix=${map}`);
/** The small variants of cipher and hash: they process a few hundred bytes a request and weigh in every cold start. */
const compact = ['aes', 'sha2'].map((name) => `--cfg=${name}_backend_soft="compact"`);

/** Vector instructions (WebAssembly 2.0), for the search through pages. */
const vectors = ['-Ctarget-feature=+simd128'];

/** A digest of all that the bundle is made from. */
function fingerprint() {
  const hash = createHash('sha256').update(capture('rustc', ['--version', '--verbose']));
  for (const file of INPUTS.flatMap(files)) hash.update(`\0${file}\0`).update(readFileSync(inProject(file)));
  return hash.digest('hex');
}

/** The file at `path`, or those below it, in a fixed order; none if there is nothing. */
function files(path) {
  const entry = statSync(inProject(path), { throwIfNoEntry: false });
  if (!entry?.isDirectory()) return entry ? [path] : [];
  return readdirSync(inProject(path)).sort().flatMap((name) => files(`${path}/${name}`));
}

await script(import.meta.url, build);
