// `npm run fuzz [target] [runs or minutes]`: tries the properties in fuzz/ with as many inputs as there is time for, and says
// what came of it. `npm run fuzz -- query 10000000` makes that many runs, `npm run fuzz -- 5m` gives each target five minutes.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { capture, environment, Failure, inProject, root, run, say, script } from './process.mjs';
import { toolPath } from './setup.mjs';

/** Longest input of each target, in bytes: longer ones are slower and find nothing else. */
const MAX_LEN = { amount: 64, config: 400, gateway_replies: 256, location: 128, query: 96, scrub: 100, token: 64, wallet: 64 };
const USUAL = { flag: '-max_total_time=60', text: '1 minute' };
const SAY_EVERY_MS = 10_000;

/** The program is not worth a sanitizer: nothing in it is unsafe, and it runs twice as fast without. */
const OPTIONS = ['--fuzz-dir', inProject('fuzz'), '--sanitizer', 'none'];

async function fuzz(args) {
  const { targets, limit } = plan(args, knownTargets());
  const command = cargoFuzz();
  say('building the fuzz targets (some minutes the first time)');
  const one = targets.length === 1 ? targets : [];
  if (!run(command, ['fuzz', 'build', ...OPTIONS, ...one], NIGHTLY)) throw new Failure('the fuzz targets do not build');
  const results = [];
  for (const target of targets) {
    say(`${target}: ${limit.text}`);
    results.push(await tryOut(command, target, limit));
  }
  console.log(`\n${table(results)}`);
  const failed = results.filter((result) => result.crash).map((result) => `${result.target}: ${result.crash}`);
  if (failed.length) throw new Failure(`a property does not hold:\n  ${failed.join('\n  ')}`);
}

export const knownTargets = () =>
  readdirSync(inProject('fuzz', 'fuzz_targets')).map((file) => file.replace(/\.rs$/, '')).sort();

/** Which targets to run, and for how long: a name, a number of runs or of minutes (`5m`), in any order. */
export function plan(args, known) {
  let [targets, limit] = [known, USUAL];
  for (const word of args) {
    const [, number, minutes] = /^(\d+)(m?)$/.exec(word) ?? [];
    if (known.includes(word)) targets = [word];
    else if (!Number(number)) throw new Failure(`${word} is neither a target (${known.join(', ')}) nor runs (100000) nor minutes (5m)`);
    else if (minutes) limit = { flag: `-max_total_time=${number * 60}`, text: `${number} minutes` };
    else limit = { flag: `-runs=${number}`, text: `${number} runs` };
  }
  return { targets, limit };
}

// --- what it needs ---

const NIGHTLY = { RUSTUP_TOOLCHAIN: 'nightly' };

/** Where cargo-fuzz is. It and the toolchain are big and only needed here, so set-up does not install them. */
function cargoFuzz() {
  const binary = [toolPath('cargo-fuzz'), 'cargo-fuzz'].find((path) => capture(path, ['fuzz', '--version']));
  const missing = [
    !capture('rustup', ['run', 'nightly', 'rustc', '--version']) && 'the nightly toolchain: rustup toolchain install nightly --profile minimal',
    !binary && 'cargo-fuzz: cargo install cargo-fuzz --locked',
    !['c++', 'g++', 'clang++'].some((name) => capture(name, ['--version'])) && 'a C++ compiler: on Debian apt-get install g++',
  ].filter(Boolean);
  if (missing.length) throw new Failure(`missing on this machine:\n  - ${missing.join('\n  - ')}`);
  return binary;
}

// --- one target ---

/** Runs a target; what it finds worth keeping stays below fuzz/target, beside the corpus that is committed. */
async function tryOut(command, target, limit) {
  const found = inProject('fuzz', 'target', 'corpus', target);
  mkdirSync(found, { recursive: true });
  const child = spawn(command, ['fuzz', 'run', ...OPTIONS, target, found, inProject('fuzz', 'corpus', target), '--', ...flags(target, limit)], {
    cwd: root,
    env: { ...environment, ...NIGHTLY },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const result = { target, runs: 0, seconds: 0, rate: 0, coverage: 0, crash: null };
  const started = Date.now();
  await watch(child, result);
  return { ...result, seconds: Math.round((Date.now() - started) / 1000) };
}

function flags(target, limit) {
  const dictionary = inProject('fuzz', 'dictionaries', `${target}.dict`);
  const words = existsSync(dictionary) ? [`-dict=${dictionary}`] : [];
  return [limit.flag, `-max_len=${MAX_LEN[target] ?? 256}`, '-timeout=20', ...words];
}

/** Reads what libFuzzer says until it ends, tells about it now and then, and shows the end of it if it failed. */
async function watch(child, result) {
  const lines = [];
  let told = Date.now();
  createInterface({ input: child.stderr }).on('line', (line) => {
    Object.assign(result, pulse(line));
    lines.push(line);
    if (lines.length > 60) lines.shift();
    if (Date.now() - told < SAY_EVERY_MS) return;
    told = Date.now();
    say(`  ${result.runs} runs, ${result.rate} per second, coverage ${result.coverage}`);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code === 0) return;
  result.crash ??= `it ended with code ${code}`;
  console.error(lines.join('\n'));
}

/** What a line of libFuzzer's tells: how far it is, or where it left the input that broke a property. */
export function pulse(line) {
  const [, runs, coverage, rate] = /^#(\d+)\s.*cov: (\d+).*exec\/s: (\d+)/.exec(line) ?? [];
  if (runs) return { runs: Number(runs), coverage: Number(coverage), rate: Number(rate) };
  const [, file] = /Test unit written to (.+)$/.exec(line) ?? [];
  return file ? { crash: file } : {};
}

/** A line for each target. */
export function table(results) {
  const rows = results.map((r) => [r.target, r.runs, `${r.seconds} s`, r.rate, r.coverage, r.crash ? 'broken' : 'holds']);
  const cells = [['target', 'runs', 'time', 'exec/s', 'coverage', 'property'], ...rows].map((row) => row.map(String));
  const width = (column) => Math.max(...cells.map((row) => row[column].length));
  return cells.map((row) => row.map((cell, at) => (at ? cell.padStart(width(at)) : cell.padEnd(width(at)))).join('  ')).join('\n');
}

await script(import.meta.url, fuzz);
