// Each mistake that could let a strange package in is planted, and has to be found.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inProject } from '../../tools/process.mjs';
import { toolPath } from '../../tools/setup.mjs';
import { crateMistakes, lockstepMistakes, packageMistakes, pythonMistakes } from '../../tools/supply-chain.mjs';

const read = (...path) => readFileSync(inProject(...path), 'utf8');
const lock = read('Cargo.lock');
const fuzzLock = read('fuzz', 'Cargo.lock');

/** What is wrong with our own packages once `plant` has changed them. */
function planted(plant) {
  const [manifest, packages] = ['package.json', 'package-lock.json'].map((name) => JSON.parse(read(name)));
  plant(manifest, packages.packages);
  return packageMistakes(manifest, packages);
}

function assertOne(mistakes, pattern) {
  assert.equal(mistakes.length, 1, mistakes.join('\n'));
  assert.match(mistakes[0], pattern);
}

test('the project itself has no mistake', () => {
  assert.deepEqual([planted(() => {}), crateMistakes(lock), crateMistakes(fuzzLock), lockstepMistakes(lock, fuzzLock)], [[], [], [], []]);
});

test('versions of npm packages are pinned, and the lock file has them', () => {
  const pin = (version) => (manifest, packages) => {
    manifest.devDependencies.esbuild = version;
    packages[''].devDependencies.esbuild = version;
  };
  for (const loose of ['^0.28.2', '~0.28.2', '0.28', '*', 'latest', 'file:../x', 'https://x.example/y.tgz', 'github:x/y']) {
    assertOne(planted(pin(loose)), /esbuild is not pinned/);
  }
  assertOne(planted((manifest) => (manifest.devDependencies.esbuild = '0.28.1')), /does not have the esbuild/);
  assertOne(planted((manifest) => (manifest.dependencies = { stranger: '1.0.0' })), /does not have the stranger/);
});

test('npm packages come from the registry and have their hash', () => {
  const entry = (change) => planted((_, packages) => Object.assign(packages['node_modules/esbuild'], change));
  assertOne(entry({ integrity: undefined }), /esbuild has no SHA-512/);
  assertOne(entry({ integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }), /esbuild has no SHA-512/);
  for (const elsewhere of ['git+ssh://git@x.example/y.git#0123', 'http://x.example/y.tgz', 'file:../y.tgz']) {
    assertOne(entry({ resolved: elsewhere }), /esbuild comes from/);
  }
  assertOne(entry({ link: true }), /esbuild is a link/);
  assertOne(planted((_, packages) => (packages['vendored'] = packages['node_modules/binaryen'])), /vendored is not an installed package/);
});

test('only the scripts that package.json allows run while packages are installed', () => {
  const script = (_, packages) => (packages['node_modules/binaryen'].hasInstallScript = true);
  assertOne(planted(script), /does not name binaryen/);
  assertOne(planted((manifest) => (manifest.allowScripts.workerd = false)), /does not name workerd/);
  assertOne(planted((manifest) => (manifest.allowScripts.binaryen = true)), /names binaryen, which has no/);
});

test('Python packages are pinned and have their hash', () => {
  const text = read('tests', 'webhooks', 'requirements.txt');
  assert.deepEqual(pythonMistakes(text), []);
  assertOne(pythonMistakes(text.replace('==', '>=')), /not one version .*standardwebhooks>=/);
  assertOne(pythonMistakes(text.replace(/sha256:.{4}/, 'sha256:')), /standardwebhooks==/);
  assertOne(pythonMistakes(text.replace(/ \\\n.*/, '')), /standardwebhooks==/);
  for (const elsewhere of ['x @ https://x.example/x.whl', '-e ../x', '--extra-index-url https://x.example', 'git+https://x.example/y.git']) {
    assertOne(pythonMistakes(`${text}\n${elsewhere}\n`), /not one version/);
  }
});

test('crates come from the registry, with their checksum', () => {
  const url = 'name = "url"\nversion = "2.5.8"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\n';
  assert.ok(lock.includes(url), 'another version of url: write it here');
  assertOne(crateMistakes(lock.replace(url, url.replace(/source = .*/, 'source = "git+https://x.example/url#0123"'))), /url 2.5.8 comes from git/);
  assertOne(crateMistakes(lock.replace(url, url.replace(/registry\+.*"/, 'registry+https://x.example/index"'))), /comes from registry\+https:\/\/x/);
  assert.match(crateMistakes(lock.replace(url, url.replace(/source = .*\n/, '')))[0], /url 2.5.8 comes from a folder/);
  assertOne(crateMistakes(lock.replace(/(name = "url"\n.*\n.*\n)checksum = .*\n/, '$1')), /url 2.5.8 has no checksum/);
});

test('what is fuzzed is what is deployed', () => {
  assertOne(lockstepMistakes(lock, fuzzLock.replace('name = "url"\nversion = "2.5.8"', 'name = "url"\nversion = "2.5.7"')), /url 2.5.7 is not/);
  const other = fuzzLock.replace(/(name = "url"\n.*\n.*\nchecksum = ")[0-9a-f]{4}/, '$1ffff');
  assertOne(lockstepMistakes(lock, other), /url .* another checksum/);
});

// --- cargo-deny, where `npm run supply-chain` has installed it ---

const manifest = (name, rest) => `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2024"\n${rest}`;

/** A package without code that depends on another one. */
function crate(folder, name, rest) {
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'src', 'lib.rs'), '');
  writeFileSync(join(folder, 'Cargo.toml'), manifest(name, rest));
}

function git(folder, ...args) {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.example', '-c', 'commit.gpgsign=false'];
  assert.equal(spawnSync('git', [...identity, ...args], { cwd: folder }).status, 0, `git ${args[0]}`);
}

/** What cargo-deny says about a package that depends on `planted` in this way. */
function verdict(t, licence, dependency) {
  const folder = mkdtempSync(join(tmpdir(), 'livery-deny-'));
  t.after(() => rmSync(folder, { recursive: true }));
  crate(join(folder, 'planted'), 'planted', `license = "${licence}"\n`);
  for (const args of [['init', '-q'], ['add', '.'], ['commit', '-qm', 'x']]) git(join(folder, 'planted'), ...args);
  const root = join(folder, 'root');
  crate(root, 'root', `license = "MIT"\npublish = false\n[workspace]\n[dependencies]\nplanted = ${dependency(join(folder, 'planted'))}\n`);
  const args = ['--config', inProject('deny.toml'), '--manifest-path', join(root, 'Cargo.toml'), 'check', 'bans', 'licenses', 'sources'];
  const done = spawnSync(toolPath('cargo-deny'), args, { encoding: 'utf8' });
  return { status: done.status, said: done.stderr };
}

const options = { skip: !existsSync(toolPath('cargo-deny')) && 'npm run supply-chain installs cargo-deny' };
const byPath = (folder) => `{ path = "${folder}" }`;
const byGit = (folder) => `{ git = "file://${folder}" }`;

test('cargo-deny accepts what is right', options, (t) => {
  const { status, said } = verdict(t, 'MIT', byPath);
  assert.equal(status, 0, said);
});

test('cargo-deny refuses a licence that asks for more', options, (t) => {
  const { status, said } = verdict(t, 'GPL-3.0-only', byPath);
  assert.notEqual(status, 0);
  assert.match(said, /error\[rejected\][^]*GPL-3.0-only/);
});

test('cargo-deny refuses what comes from a git repository', options, (t) => {
  const { status, said } = verdict(t, 'MIT', byGit);
  assert.notEqual(status, 0);
  assert.match(said, /error\[source-not-allowed\]/);
});
