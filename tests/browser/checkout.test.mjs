// A customer's whole way in a real browser, from the shop through Livery to the provider and back to a paid order.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open } from './support.mjs';
import { order, untilPaid, watchedPage } from './watch.mjs';

const GERMAN = { extraHTTPHeaders: { 'CF-IPCountry': 'DE' } };
const cleanUp = [];
let local;
let skipped;

before(async () => {
  const suite = { after: (task) => cleanUp.push(task), skip: (why) => (skipped = why) };
  local = await open(suite, { BRAND_NAME: 'Sunflower Pay' });
});
after(async () => {
  for (const task of cleanUp.reverse()) await task();
});

/** A test with the page of a customer. */
function customer(name, steps) {
  test(name, async (t) => {
    if (!local) return t.skip(skipped);
    const watched = await watchedPage(local, GERMAN);
    await steps(watched);
    await watched.check();
  });
}

async function payHere(page, country) {
  // It waits for the provider's page, which alone has this.
  assert.equal(await page.textContent('#country'), country);
  assert.equal(new URL(page.url()).host, new URL(local.sandbox.provider).host);
  await page.click('button[value=pay]');
  assert.equal(await page.textContent('#outcome'), 'Payment complete');
}

customer('shop, provider link, payment, paid', async ({ page }) => {
  const shop = await order(page, local, 'lamp');
  await page.click('#process');
  assert.equal(await page.textContent('#amount'), '64.50');
  await payHere(page, 'DE');
  await untilPaid(page, shop);
});

customer('shop, hosted page, provider, payment, paid', async ({ page, requested, check }) => {
  const shop = await order(page, local, 'tea');
  await page.click('#hosted');
  // The page may still be coming in: what is not there yet is not filled in either.
  await page.waitForFunction(() =>
    ['dollars', 'pol-price', 'provider-count'].every((id) => (document.getElementById(id)?.textContent ?? '…') !== '…'),
  );
  assert.equal(new URL(page.url()).host, new URL(local.livery).host);
  assert.equal(await page.textContent('#dollars'), '103.78');
  assert.match(await page.textContent('#pol-price'), /^\d+(\.\d+)?$/);
  assert.ok(Number(await page.textContent('#provider-count')) > 10);
  // Style sheets and images come in beside the text.
  await page.waitForLoadState('load');
  await assertStyled(page);
  assert.ok(requested.some((url) => url === `${local.livery}/assets/theme.css`), 'the style sheet inside the style sheet');
  await check();
  await page.click('a[data-provider=moonpay]');
  await payHere(page, 'DE');
  await untilPaid(page, shop);
});

/** Both style sheets, the image and the link's colours took effect. */
async function assertStyled(page) {
  const styles = await page.evaluate(() => ({
    width: getComputedStyle(document.body).maxWidth,
    text: getComputedStyle(document.body).color,
    offer: getComputedStyle(document.querySelector('.offers a')).display,
    badge: document.getElementById('badge').naturalWidth > 0,
    logo: document.getElementById('logo').naturalWidth > 0,
  }));
  assert.deepEqual(styles, { width: '640px', text: 'rgb(31, 41, 55)', offer: 'block', badge: true, logo: true });
}

customer('the form on the hosted page', async ({ page }) => {
  await order(page, local, 'tea');
  await page.click('#hosted');
  await page.fill('#receipt input', 'ada@example.com');
  await page.click('#receipt button');
  assert.equal(await page.textContent('h1'), 'Thank you');
  assert.match(await page.textContent('#receipt'), /ada@example\.com/);
  assert.equal(new URL(page.url()).host, new URL(local.livery).host);
});

customer('shop, checkout link, hosted page, provider, payment', async ({ page }) => {
  await order(page, local, 'tea');
  const link = new URL(await page.getAttribute('#checkout', 'href'));
  link.searchParams.set('address', '0xF977814e90dA44bFA03b6295A0616a897441aceC');
  await page.goto(link.href);
  assert.equal(new URL(page.url()).pathname, '/pay.php');
  await page.click('a[data-provider=moonpay]');
  await payHere(page, 'DE');
});

customer('shop, checkout link with a provider, payment, paid', async ({ page }) => {
  const shop = await order(page, local, 'tea');
  const link = new URL(await page.getAttribute('#checkout', 'href'));
  link.searchParams.set('address', '0xF977814e90dA44bFA03b6295A0616a897441aceC');
  link.searchParams.set('provider', 'moonpay');
  await page.goto(link.href);
  await payHere(page, 'DE');
  await untilPaid(page, shop);
});

customer('what the provider learns about the way', async ({ page }) => {
  await order(page, local, 'tea');
  await page.click('#process');
  assert.doesNotMatch(await page.textContent('#headers'), /anexpay\.net/i);
});
