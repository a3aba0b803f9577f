// Promise 1 as a browser sees it: of all spellings that Chromium reads as the gateway, none comes through the Worker.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PAGE, readPage } from './hostile_page.mjs';
import { open } from './support.mjs';

const PATH = '/assets/hostile.html';
const CONTROL = 'http://control.test';
/** What Chromium must at least read as the gateway without the Worker, lest the test pass emptily. */
const LEAST = { readings: 880, links: 780, requests: 20 };
const HTML = { 'content-type': 'text/html; charset=utf-8' };
/** What a browser drops from a host name or does not show. */
const UNSEEN = /[\t\r\n\u00ad\u200b\u2060\ufe0f]/g;
const NAMED = /anexpay\s*\.\s*net/i;
const names = (text) => NAMED.test(text.normalize('NFKC').replace(UNSEEN, '').replaceAll('。', '.'));
const hostOf = (text) => (URL.canParse(text) ? new URL(text).host : null);

const cleanUp = [];
let local;
let skipped;
before(async () => {
  local = await open({ after: (task) => cleanUp.push(task), skip: (why) => (skipped = why) });
});
after(async () => {
  for (const task of cleanUp.reverse()) await task();
});

/** Opens a page; `answer` says what becomes of a request to the page's own host, and all others are blocked. */
async function visit(url, answer) {
  const context = await local.browser.newContext();
  const page = await context.newPage();
  const requested = [];
  context.on('request', (request) => requested.push(request.url()));
  await context.route('**/*', (route) => (route.request().url() === url ? answer(route) : route.abort()));
  const response = await page.goto(url, { waitUntil: 'load' });
  const read = await readPage(page);
  const headers = await response.headersArray();
  const content = await page.content();
  await context.close();
  return { read, requested, headers, content, status: response.status() };
}

async function serve(body) {
  const fault = { custom: { status: 200, headers: [...Object.entries(HTML), ['Link', '<https://anexpay.net/x>; rel=preload']], body } };
  const answer = await fetch(`${local.sandbox.api}/sandbox/fault`, { method: 'POST', body: JSON.stringify({ path: PATH, fault }) });
  assert.equal(answer.status, 200, await answer.text());
}

test('no spelling of the gateway that Chromium reads comes through', async (t) => {
  if (!local) return t.skip(skipped);
  const control = await visit(CONTROL + PATH, (route) => route.fulfill({ headers: HTML, body: PAGE }));
  const understood = Object.keys(control.read).filter((key) => names(control.read[key]));
  const unread = Object.keys(control.read).filter((key) => !names(control.read[key]));
  t.diagnostic(`${understood.length} read as the gateway; not read: ${unread.join(', ')}`);
  const requests = control.requested.filter(names).length;
  t.diagnostic(`${requests} requests to the gateway without the Worker`);
  assert.ok(understood.length >= LEAST.readings && requests >= LEAST.requests, 'Chromium reads too few of the spellings');

  await serve(PAGE);
  const shown = await visit(local.livery + PATH, (route) => route.continue());
  assert.equal(shown.status, 200);
  assert.deepEqual(Object.keys(shown.read).sort(), Object.keys(control.read).sort(), 'the page is whole');
  const holes = Object.entries(shown.read).filter(([, text]) => names(text));
  assert.deepEqual(holes, [], 'spellings that survive');
  assert.deepEqual(shown.requested.filter((url) => names(url)), [], 'requests');
  assert.deepEqual(shown.headers.filter(({ value }) => names(value)), [], 'headers');
  assert.ok(!names(shown.content), 'the document');
  const own = new URL(local.livery).host;
  const links = understood.filter((key) => hostOf(control.read[key])?.includes('anexpay.net'));
  t.diagnostic(`${links.length} URLs lead to the gateway without the Worker`);
  assert.ok(links.length >= LEAST.links, 'too few URLs lead to the gateway');
  const astray = links.filter((key) => hostOf(shown.read[key]) !== own);
  assert.deepEqual(astray.map((key) => [key, shown.read[key]]), [], 'URLs that do not lead to us');
});
