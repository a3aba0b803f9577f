// docs/webhooks.md says how live events are listened to: its programs, as they are written there, hear what happens.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { openBrowser } from '../browser/support.mjs';
import { block } from './languages.mjs';
import { openShop } from './shop.mjs';

const EXAMPLE = 'https://pay.example.com';
const SESSION = { amount: '25', currency: 'EUR' };

let shop;
before(async () => (shop = await openShop()));
after(() => shop?.stop());

test('a server hears what happens, and what it missed', async (t) => {
  const program = block('Live events', 'js').replace(EXAMPLE.replace('http', 'ws'), shop.livery.replace('http', 'ws'));
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, LIVERY_KEY: shop.key },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => process_.kill('SIGKILL'));
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value;
  // It says nothing before it is connected: so events are made until it hears one.
  const first = next();
  let heard;
  first.then((line) => (heard = line));
  while (!heard) await shop.call('POST', 'api-keys', {});
  assert.match(heard, /^api_key.created null$/);
  const session = await shop.call('POST', 'checkout-sessions', SESSION);
  let line = await next();
  while (line.startsWith('api_key.created')) line = await next();
  assert.equal(line, `checkout.session.created ${session.id}`);
  // More than it may be behind: it confirms what it reads.
  for (let count = 0; count < 150; count++) await shop.call('POST', 'api-keys', {});
  for (let count = 0; count < 150; count++) assert.equal(await next(), 'api_key.created null');
});

test("a customer's page shows the state of its session", async (t) => {
  const browser = await openBrowser(t);
  if (!browser) return;
  const session = await shop.call('POST', 'checkout-sessions', SESSION);
  const { token, url } = await shop.call('POST', `checkout-sessions/${session.id}/live-token`);
  assert.equal(url, `${shop.livery}/api/v1/events/stream?token=${token}`);
  const example = `${EXAMPLE}/api/v1/events/stream?token=lvt_…`;
  const html = block('Live events', 'html');
  assert.ok(html.includes(example));
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(html.replace(example, url));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/thanks`);
  const shows = (text) => page.waitForFunction((wanted) => document.querySelector('#state').textContent === wanted, text);
  await shows('open');
  await shop.call('POST', `checkout-sessions/${session.id}/cancel`);
  await shows('canceled');
});
