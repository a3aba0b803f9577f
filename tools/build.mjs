// Builds the Worker into build/: what wrangler deploys and what the tests run. Does nothing when nothing changed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { capture, Failure, inProject, run, say, script } from './process.mjs';
import { setUp, toolPath } from './setup.mjs';

// tests/support reads the date of the stamp: sources newer than it mean a stale bundle.
const STAMP = inProject('build', 'stamp');
const OUTPUTS = ['index.js', 'index_bg.wasm'].map((name) => inProject('build', name));
const INPUTS = ['src', 'templates', 'build.rs', 'askama.toml', '.cargo', 'Cargo.toml', 'Cargo.lock', 'package-lock.json'];

export function build() {
  setUp();
  const began = new Date();
  const inputs = fingerprint();
  if (isBuilt(inputs)) return utimesSync(STAMP, began, began);
  rmSync(STAMP, { force: true });
  say('building the Worker (a minute the first time)');
  if (!run(toolPath('worker-build'), ['--release'], tools())) throw new Failure('the Worker does not build');
  writeFileSync(STAMP, inputs);
  utimesSync(STAMP, began, began);
}

const isBuilt = (inputs) =>
  [STAMP, ...OUTPUTS].every((file) => existsSync(file)) && readFileSync(STAMP, 'utf8') === inputs;

/** Without these worker-build would download its own. */
const tools = () => ({
  WASM_BINDGEN_BIN: toolPath('wasm-bindgen'),
  WASM_OPT_BIN: inProject('node_modules', '.bin', 'wasm-opt'),
  ESBUILD_BIN: inProject('node_modules', '.bin', 'esbuild'),
});

/** A digest of all that the bundle is made from. */
function fingerprint() {
  const hash = createHash('sha256').update(capture('rustc', ['--version', '--verbose']));
  for (const file of INPUTS.flatMap(files)) hash.update(`\0${file}\0`).update(readFileSync(inProject(file)));
  return hash.digest('hex');
}

/** The file at `path`, or those below it, in a fixed order; none if there is nothing. */
function files(path) {
  if (!existsSync(inProject(path))) return [];
  try {
    const names = readdirSync(inProject(path)).sort();
    return names.flatMap((name) => files(`${path}/${name}`));
  } catch (error) {
    if (error.code === 'ENOTDIR') return [path];
    throw error;
  }
}

await script(import.meta.url, build);
