import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { knownTargets, plan, pulse, table } from '../../tools/fuzz.mjs';
import { inProject } from '../../tools/process.mjs';

const KNOWN = ['query', 'wallet'];

test('targets, runs and minutes are understood in any order', () => {
  assert.deepEqual(plan([], KNOWN), { targets: KNOWN, limit: { flag: '-max_total_time=60', text: '1 minute' } });
  assert.deepEqual(plan(['query', '1000'], KNOWN), { targets: ['query'], limit: { flag: '-runs=1000', text: '1000 runs' } });
  assert.deepEqual(plan(['5m', 'wallet'], KNOWN), { targets: ['wallet'], limit: { flag: '-max_total_time=300', text: '5 minutes' } });
  for (const wrong of ['walet', '0', '-5', '5h', '']) assert.throws(() => plan([wrong], KNOWN), /neither a target/, wrong);
});

test("libFuzzer's lines are read", () => {
  const line = '#2097152\tpulse  cov: 1234 ft: 4471 corp: 981/38Kb lim: 93 exec/s: 5263 rss: 30Mb';
  assert.deepEqual(pulse(line), { runs: 2097152, coverage: 1234, rate: 5263 });
  assert.deepEqual(pulse('artifact_prefix=…; Test unit written to /x/fuzz/artifacts/query/crash-1'), { crash: '/x/fuzz/artifacts/query/crash-1' });
  assert.deepEqual(pulse('INFO: Seed: 1'), {});
});

test('the table says which property is broken', () => {
  const row = { target: 'query', runs: 5, seconds: 1, rate: 5, coverage: 9, crash: null };
  const [head, ...rows] = table([row, { ...row, target: 'wallet', crash: 'x' }]).split('\n');
  assert.match(head, /^target +runs +time +exec\/s +coverage +property$/);
  assert.deepEqual(rows.map((text) => text.split(/ +/).at(-1)), ['holds', 'broken']);
});

test('what is missing is named, with how to get it', () => {
  const done = spawnSync(process.execPath, [inProject('tools', 'fuzz.mjs'), 'query'], { encoding: 'utf8', env: { PATH: '/nowhere' } });
  assert.equal(done.status, 1);
  assert.match(done.stderr, /rustup toolchain install nightly/);
  assert.match(done.stderr, /a C\+\+ compiler/);
  const known = existsSync(inProject('.tools', 'bin', 'cargo-fuzz'));
  assert.ok(known || /cargo install cargo-fuzz/.test(done.stderr));
});

test('each target has a property, a test on the stable toolchain and a corpus; all of them together are small', () => {
  const replay = readFileSync(inProject('fuzz', 'tests', 'replay.rs'), 'utf8');
  let bytes = 0;
  for (const target of knownTargets()) {
    assert.ok(existsSync(inProject('fuzz', 'properties', `${target}.rs`)), target);
    assert.ok(replay.includes(`holds("${target}", properties::${target}::check)`), target);
    const folder = inProject('fuzz', 'corpus', target);
    bytes += readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  }
  assert.deepEqual(readdirSync(inProject('fuzz', 'corpus')).sort(), knownTargets());
  assert.ok(bytes < 200 * 1024, `${bytes} bytes`);
});

test("the second copy of the Worker has the same dependencies, with the same features", () => {
  const lines = (...path) => readFileSync(inProject(...path, 'Cargo.toml'), 'utf8').split('\n[dependencies]\n')[1].split('\n[')[0].split('\n');
  const fromThere = (line) => line.replace('path = "', 'path = "../');
  const own = lines('.').filter((line) => /^[a-z]/.test(line)).map(fromThere);
  const again = lines('fuzz');
  assert.ok(own.length > 10);
  assert.deepEqual(own.filter((line) => !again.includes(line)), []);
});
