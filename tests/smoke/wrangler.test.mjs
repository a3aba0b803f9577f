// The real wrangler.toml under the real wrangler: what the tests in workerd do not cover.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startIsolated } from '../support/local.mjs';
import { bundleSize } from '../../tools/size.mjs';
import { budgets } from '../../tools/process.mjs';

let local;
before(async () => (local = await startIsolated()));
after(() => local?.stop());

test('wrangler dev serves the Worker', async () => {
  const answer = await fetch(`${local.livery}/healthz`);
  assert.equal(answer.status, 200, await answer.text());
});

test('wrangler deploy accepts the bundle, and it is within its budget', () => {
  const size = bundleSize();
  assert.ok(size <= budgets.bundle_gzip_kib, `${size} KiB of ${budgets.bundle_gzip_kib} KiB`);
});
