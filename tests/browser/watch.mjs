// What every test in a browser checks: where the browser went, what its console said, and what its pages show.
import assert from 'node:assert/strict';
import { showsSecret } from '../support/local.mjs';

const NAME = /anex\s*pay\s*\.\s*net/i;

/** A new page that keeps a record; `check()` fails at a foreign host, a name of the gateway or a complaint. */
export async function watchedPage(local, options = {}) {
  const context = await local.browser.newContext(options);
  const page = await context.newPage();
  const requested = [];
  const complaints = [];
  context.on('request', (request) => requested.push(request.url()));
  page.on('console', (message) => message.type() === 'error' && complaints.push(`${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  const allowed = [local.livery, local.sandbox.provider, local.sandbox.shop].map((url) => new URL(url).host);
  const gateways = [local.sandbox.api, local.sandbox.checkout].map((url) => new URL(url).host);
  const check = async () => {
    const foreign = requested.filter((url) => !/^(data|about|blob):/.test(url) && !allowed.includes(new URL(url).host));
    assert.deepEqual(foreign, [], 'requests to other hosts');
    const text = await page.content();
    assert.doesNotMatch(text, NAME);
    assert.ok(![text, ...requested, ...complaints].some(showsSecret), `${page.url()} shows the signing key`);
    for (const host of gateways) assert.ok(!text.includes(host), `${page.url()} names ${host}`);
    const serious = complaints.filter((text) => !text.includes('favicon.ico'));
    assert.deepEqual(serious, [], 'complaints in the console');
  };
  return { page, requested, complaints, check };
}

/** Creates an order in the demo shop and ends on its page. */
export async function order(page, local, product) {
  await page.goto(local.sandbox.shop);
  await page.click(`button[value=${product}]`);
  assert.equal(await page.textContent('#status'), 'open');
  return page.url();
}

/** Waits for an order to be paid: the callback arrives a moment after the payment. */
export async function untilPaid(page, url) {
  await page.goto(url);
  const isPaid = () => fetch(location.href).then((answer) => answer.text()).then((text) => text.includes('>paid<'));
  await page.waitForFunction(isPaid, null, { polling: 50 });
  await page.reload();
  assert.equal(await page.textContent('#status'), 'paid');
}
