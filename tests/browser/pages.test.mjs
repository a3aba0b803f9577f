// Livery's own pages in a real browser: the front page and the error page, in the operator's look and within their own policy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { open } from './support.mjs';
import { watchedPage } from './watch.mjs';

const LOOK = {
  BRAND_NAME: 'Sunflower & <b>Pay</b>',
  BRAND_BACKGROUND: '#fef3c7',
  BRAND_THEME: '#b45309',
  SUPPORT_URL: 'https://help.example/contact?a=1&b=2',
};
const PHONE = { viewport: { width: 360, height: 640 } };
const DARK = { colorScheme: 'dark' };
const cleanUp = [];
let local;
let skipped;

before(async () => {
  const suite = { after: (task) => cleanUp.push(task), skip: (why) => (skipped = why) };
  local = await open(suite, LOOK);
});
after(async () => {
  for (const task of cleanUp.reverse()) await task();
});

const CASES = [
  { name: 'front', path: '/', status: 200, title: 'Secure checkout' },
  { name: 'missing', path: '/no/such/page', status: 404, title: 'Page not found', code: 'not_found' },
  { name: 'incomplete', path: '/pay.php?amount=1', status: 400, title: 'This request cannot be processed', code: 'missing_parameter' },
  { name: 'gateway', path: '/process-payment.php?address=AAAA&amount=60&provider=moonpay&email=a%40b.example&currency=EUR', status: 422, title: 'This request cannot be processed', code: 'gateway_rejected' },
  { name: 'phone', path: `/pay.php?address=${'x'.repeat(300)}`, status: 400, title: 'This request cannot be processed', code: 'missing_parameter', options: PHONE },
  { name: 'dark', path: '/no/such/page', status: 404, title: 'Page not found', code: 'not_found', options: DARK },
];

for (const { name, path, status, title, code, options } of CASES) {
  test(`${name} page: ${path.slice(0, 40)}`, async (t) => {
    if (!local) return t.skip(skipped);
    const { page, complaints } = await watchedPage(local, options);
    const answer = await page.goto(local.livery + path);
    assert.equal(answer.status(), status);
    assert.equal(await page.textContent('h1'), title);
    assert.equal(await page.textContent('header span'), LOOK.BRAND_NAME);
    if (code) assert.ok((await page.textContent('dl')).includes(code));
    await keepPicture(page, name);
    await assertLook(page);
    // Chromium itself reports the status of a page that failed; everything else is a fault of ours.
    const serious = complaints.filter((text) => !/Failed to load resource: .* status of \d+|favicon\.ico/.test(text));
    assert.deepEqual(serious, []);
  });
}

/** The inline style is allowed by the page's own policy, and nothing is cut off. */
async function assertLook(page) {
  const look = await page.evaluate(() => ({
    background: getComputedStyle(document.body).backgroundColor,
    accent: getComputedStyle(document.querySelector('main')).borderTopColor,
    overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    help: document.querySelector('main > p:last-child > a')?.href,
    scripts: document.scripts.length,
  }));
  assert.deepEqual(look, { background: 'rgb(254, 243, 199)', accent: 'rgb(180, 83, 9)', overflows: false, help: LOOK.SUPPORT_URL, scripts: 0 });
}

/** For people who want to see: `PICTURES=folder npm test`. */
async function keepPicture(page, name) {
  if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, `${name}.png`) });
}
