import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { inProject } from '../../tools/process.mjs';

test('set-up does nothing when everything is there', () => {
  const done = spawnSync('node', [inProject('tools', 'setup.mjs')], { encoding: 'utf8' });
  assert.deepEqual([done.status, done.stderr], [0, '']);
});
