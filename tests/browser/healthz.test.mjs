import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from './support.mjs';

test('Chromium reaches the Worker', async (t) => {
  const local = await open(t);
  if (!local) return;
  const page = await local.browser.newPage();
  const answer = await page.goto(`${local.livery}/healthz`);
  assert.equal(answer.status(), 200);
});
