// Builds the Worker into build/: what wrangler deploys and what the tests run. Does nothing when nothing changed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { capture, Failure, inProject, run, say, script } from './process.mjs';
import { setUp, toolPath } from './setup.mjs';

// tests/support reads the date of the stamp: sources newer than it mean a stale bundle.
const STAMP = 'stamp';
const OUTPUTS = ['index.js', 'index_bg.wasm'];
const INPUTS = ['tools/wasm-opt.sh', 'src', 'scrub/src', 'scrub/Cargo.toml', 'askama.toml', 'Cargo.toml', 'Cargo.lock', 'package-lock.json', 'tools/build.mjs'];

export function build() {
  make('build', ['--release'], 'building the Worker (a minute the first time)');
}

/** A Worker that panics where a request asks for it, for the test of what follows a panic. Not optimised: it builds faster. */
export function buildPanicking() {
  const folder = 'target/panicking';
  const options = ['--dev', '--no-opt', '--out-dir', folder, '.', '--features', 'provoke-panic'];
  make(folder, options, 'building a Worker that can be made to panic');
}

/** Runs worker-build, unless `folder` holds what it would make. */
function make(folder, options, what) {
  setUp();
  const [stamp, ...outputs] = [STAMP, ...OUTPUTS].map((file) => inProject(folder, file));
  const began = new Date();
  const inputs = fingerprint();
  const isBuilt = [stamp, ...outputs].every((file) => existsSync(file)) && readFileSync(stamp, 'utf8') === inputs;
  if (isBuilt) return utimesSync(stamp, began, began);
  rmSync(stamp, { force: true });
  say(what);
  if (!run(toolPath('worker-build'), options, buildEnvironment())) throw new Failure('the Worker does not build');
  writeFileSync(stamp, inputs);
  utimesSync(stamp, began, began);
}

/** Without these worker-build would download its own tools, and the bundle would name folders of this machine. */
const buildEnvironment = () => ({
  WASM_BINDGEN_BIN: toolPath('wasm-bindgen'),
  WASM_OPT_BIN: inProject('tools', 'wasm-opt.sh'),
  ESBUILD_BIN: inProject('node_modules', '.bin', 'esbuild'),
  CARGO_ENCODED_RUSTFLAGS: [...remapped, ...compact, ...vectors].join('\x1f'),
});
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
