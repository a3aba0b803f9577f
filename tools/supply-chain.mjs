// `npm run supply-chain`: whether everything that the project is made from comes from the public registries, in versions and with
// checksums that are written down here, under licences that fit. Nothing is asked of a vulnerability database:
// `cargo deny check advisories` does that, where there is a network.
import { readFileSync } from 'node:fs';
import { capture, Failure, inProject, run, say, script } from './process.mjs';
import { installTools, toolPath } from './setup.mjs';

const CARGO_DENY = { crate: 'cargo-deny', binary: 'cargo-deny', version: '0.20.2' };
/** The folders of the two workspaces. */
const WORKSPACES = ['.', 'fuzz'];
const MANIFESTS = WORKSPACES.map((folder) => inProject(folder, 'Cargo.toml'));

function check() {
  const failures = [
    ...report('npm packages', packageMistakes(readJson('package.json'), readJson('package-lock.json'))),
    ...report('Python packages', pythonMistakes(readFileSync(inProject('tests', 'webhooks', 'requirements.txt'), 'utf8'))),
    ...WORKSPACES.flatMap((folder) => report(`crates of ${folder}`, crateMistakes(lockOf(folder)))),
    ...report('both Cargo.lock files', lockstepMistakes(...WORKSPACES.map(lockOf))),
    ...report('Cargo.toml and Cargo.lock', MANIFESTS.flatMap(outOfStep)),
  ];
  installTools([CARGO_DENY]);
  failures.push(...report('licences, bans and sources', MANIFESTS.flatMap(denied)));
  if (failures.length) throw new Failure(`the supply chain has ${failures.length} mistakes:\n  - ${failures.join('\n  - ')}`);
}

const lockOf = (folder) => readFileSync(inProject(folder, 'Cargo.lock'), 'utf8');
const readJson = (name) => JSON.parse(readFileSync(inProject(name), 'utf8'));

function report(what, mistakes) {
  say(`${mistakes.length ? 'WRONG' : 'ok   '} ${what}`);
  return mistakes;
}

// --- npm ---

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** What is wrong with package.json and package-lock.json, without asking anybody. */
export function packageMistakes(manifest, lock) {
  return [...pinMistakes(manifest, lock), ...Object.entries(lock.packages).flatMap(entryMistakes), ...scriptMistakes(manifest, lock)];
}

/** Every version that we ask for is one version, and the lock file has the same. */
function pinMistakes(manifest, lock) {
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  return kinds.flatMap((kind) => {
    const [asked, locked] = [manifest[kind] ?? {}, lock.packages['']?.[kind] ?? {}];
    const loose = Object.entries(asked).filter(([, version]) => !EXACT.test(version));
    const names = Object.keys({ ...asked, ...locked }).filter((name) => asked[name] !== locked[name]);
    return [
      ...loose.map(([name, version]) => `package.json: ${name} is not pinned to one version but ${version}`),
      ...names.map((name) => `package-lock.json does not have the ${name} of package.json: run npm install`),
    ];
  });
}

/** Entries from the registry have an integrity hash and, because of .npmrc, no address; all others have an address or are links. */
function entryMistakes([path, entry]) {
  if (path === '') return [];
  return [
    !path.startsWith('node_modules/') && 'is not an installed package but a folder',
    entry.link && 'is a link to a folder',
    entry.resolved && `comes from ${entry.resolved} and not from the registry`,
    !/^sha512-[\w+/]{86}==$/.test(entry.integrity ?? '') && 'has no SHA-512 integrity hash',
  ].filter(Boolean).map((problem) => `package-lock.json: ${path} ${problem}`);
}

/** Scripts that run while packages are installed: those that package.json allows, and no others. */
function scriptMistakes(manifest, lock) {
  const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const installing = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
  const names = new Set(installing.map(([path]) => nameOf(path)));
  const allowed = manifest.allowScripts ?? {};
  return [
    ...[...names].filter((name) => !allowed[name]).map((name) => `package.json: allowScripts does not name ${name}, which has an install script`),
    ...Object.keys(allowed).filter((name) => !names.has(name)).map((name) => `package.json: allowScripts names ${name}, which has no install script`),
  ];
}

// --- PyPI ---

const PINNED = /^[\w.-]+==\d+(\.\d+)*( --hash=sha256:[0-9a-f]{64})+$/;

/** Every Python package is of one version and has its hash. pip, told `--require-hashes`, then wants as much of those below it. */
export function pythonMistakes(requirements) {
  const lines = requirements.replaceAll('\r', '').replace(/\\\n/g, ' ').split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  const loose = lines.filter((line) => line !== '' && !line.startsWith('#') && !PINNED.test(line));
  return loose.map((line) => `requirements.txt: not one version with its SHA-256 hash: ${line}`);
}

// --- crates ---

const REGISTRY = 'registry+https://github.com/rust-lang/crates.io-index';

/** The packages of a Cargo.lock: their names, versions, sources and checksums. */
function crates(lock) {
  const field = (block, name) => new RegExp(`^${name} = "(.*)"$`, 'm').exec(block)?.[1];
  const blocks = lock.replaceAll('\r', '').split('[[package]]\n').slice(1);
  return blocks.map((block) => Object.fromEntries(['name', 'version', 'source', 'checksum'].map((name) => [name, field(block, name)])));
}

const OURS = ['livery', 'livery-fuzz', 'livery-sandbox', 'livery-scrub'];

/** Every crate but our own comes from the registry, with a checksum. */
export function crateMistakes(lock) {
  return crates(lock).filter(({ name, source }) => source || !OURS.includes(name)).flatMap(({ name, version, source, checksum }) => [
    source !== REGISTRY && `Cargo.lock: ${name} ${version} comes from ${source ?? 'a folder'} and not from the registry`,
    !/^[0-9a-f]{64}$/.test(checksum ?? '') && `Cargo.lock: ${name} ${version} has no checksum`,
  ].filter(Boolean));
}

/** What is fuzzed is what is deployed: a crate that both have is there in the same versions and with the same checksums. */
export function lockstepMistakes(lock, fuzzLock) {
  const known = new Map(crates(lock).map((crate) => [`${crate.name} ${crate.version}`, crate]));
  const names = new Set(crates(lock).map(({ name }) => name));
  return crates(fuzzLock).filter(({ name, source }) => source && names.has(name)).flatMap(({ name, version, checksum }) => {
    const same = known.get(`${name} ${version}`);
    if (!same) return [`fuzz/Cargo.lock: ${name} ${version} is not the version of Cargo.lock: cargo update -p ${name} --precise …`];
    return same.checksum === checksum ? [] : [`fuzz/Cargo.lock: ${name} ${version} has another checksum than in Cargo.lock`];
  });
}

function outOfStep(manifest) {
  const done = capture('cargo', ['metadata', '--locked', '--format-version', '1', '--manifest-path', manifest]);
  return done === null ? [`${manifest} and its lock file differ: cargo metadata --locked says how`] : [];
}

/** What cargo-deny finds, whose own words are on stderr. */
export function denied(manifest) {
  const config = inProject('deny.toml');
  const args = ['--log-level', 'error', '--locked', '--all-features', '--config', config, '--manifest-path', manifest, 'check'];
  const holds = run(toolPath(CARGO_DENY.binary), [...args, 'bans', 'licenses', 'sources']);
  return holds ? [] : [`${manifest}: cargo-deny's reasons are above`];
}

await script(import.meta.url, check);
