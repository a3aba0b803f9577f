import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { budgets, inProject } from '../../tools/process.mjs';

test('set-up does nothing, and quickly, when everything is there', () => {
  const began = Date.now();
  const done = spawnSync('node', [inProject('tools', 'setup.mjs')], { encoding: 'utf8' });
  const took = Date.now() - began;
  assert.deepEqual([done.status, done.stderr], [0, '']);
  assert.ok(took < budgets.setup_noop_ms, `it took ${took} ms of ${budgets.setup_noop_ms} ms`);
});
