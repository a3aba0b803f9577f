// The link builder against values that were computed independently; src/ must accept the same ones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkoutLink, linkKey } from '../../tools/link.mjs';

const settings = {
  CHECKOUT_DOMAIN: 'pay.example.com',
  SIGNING_KEY: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleSE=',
};
const parameters = {
  provider: 'moonpay',
  amount: '25.00',
  'metadata[über]': 'a b',
  callback: "https://shop.example/paid?order=7&note=it's (ok)*!~",
  currency: 'EUR',
};

test('the link key is derived from the first signing key', () => {
  assert.equal(linkKey(settings).toString('base64'), 'b5P1xr7M04cO0PHMf6ZwS1QhrDJ+ltp5bNn8Dg1Z4z4=');
});

test('a link carries its parameters in canonical order and their signature', () => {
  const query =
    'amount=25.00&callback=https%3A%2F%2Fshop.example%2Fpaid%3Forder%3D7%26note%3Dit%27s%20%28ok%29%2A%21~&currency=EUR' +
    '&metadata%5B%C3%BCber%5D=a%20b&provider=moonpay';
  const signature = '34357982a29cdfa05b5528cbcb62af7df53909514d673ca0abbdaa33da05ac9e';
  assert.equal(checkoutLink(settings, parameters), `https://pay.example.com/checkout?${query}&sig=${signature}`);
});

test('a loopback host means http', () => {
  for (const host of ['127.0.0.1:8787', 'localhost', '[::1]:8787']) {
    assert.ok(checkoutLink({ ...settings, CHECKOUT_DOMAIN: host }, parameters).startsWith(`http://${host}/checkout?`));
  }
});
