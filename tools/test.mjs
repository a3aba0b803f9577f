// `npm test`: set-up and build as far as needed, then every test. Rust first (the pure core, the sandbox, the Worker in real
// workerd, and the properties that are also fuzzed), then Node (the tools, wrangler itself, and the pages in a browser).
import { spawn } from 'node:child_process';
import { build, buildPanicking } from './build.mjs';
import { buildSandbox } from './local.mjs';
import { environment, root, say, script } from './process.mjs';

const RUST_COUNTS = {
  passed: /^test result: .* (\d+) passed/gm,
  failed: /^test result: .* (\d+) failed/gm,
  skipped: /(\d+) ignored/g,
};
const RUST = { command: ['cargo', 'test', '--workspace', '--no-fail-fast'], counts: RUST_COUNTS };
/** The properties of fuzz/, without libFuzzer. */
const PROPERTIES = {
  command: [
    'cargo', 'test', '--manifest-path', 'fuzz/Cargo.toml', '--target-dir', 'target', '--no-default-features', '--locked', '--test', 'replay',
  ],
  counts: RUST_COUNTS,
};
const NODE = {
  command: ['node', '--test', '--test-reporter=spec', '--test-timeout=600000', 'tests/**/*.test.mjs'],
  counts: { passed: /^ℹ pass (\d+)/gm, failed: /^ℹ (?:fail|cancelled) (\d+)/gm, skipped: /^ℹ skipped (\d+)/gm },
};

async function test() {
  const started = Date.now();
  build();
  buildPanicking();
  say('Rust tests (the first time they compile for about 2 minutes)');
  const rust = await tally(RUST);
  const properties = await tally(PROPERTIES);
  buildSandbox();
  say('tests of tools, wrangler and pages');
  const node = await tally(NODE);
  const all = [rust, properties, node];
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((kind) => all.reduce((sum, part) => sum + part[kind], 0));
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped in ${Math.round((Date.now() - started) / 1000)} s`);
  if (failed || all.some((part) => part.code)) process.exitCode = 1;
}

/** Runs a test command, shows its output, and adds up the numbers that it reports. */
async function tally({ command: [command, ...args], counts }) {
  const child = spawn(command, args, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
    process.stdout.write(data);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const sum = (pattern) => [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  return { code, ...Object.fromEntries(Object.entries(counts).map(([kind, pattern]) => [kind, sum(pattern)])) };
}

await script(import.meta.url, test);
