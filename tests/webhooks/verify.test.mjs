// docs/webhooks.md says how webhooks are verified: its programs, as they are written there, take what the Worker sends, and nothing else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort } from '../../tools/local.mjs';
import { forgeries, nobodysSecret, signedAt, signedByNothing } from './forgeries.mjs';
import { has, LANGUAGES, Programs, startProgram } from './languages.mjs';
import { openShop } from './shop.mjs';

const TAKEN = { status: 204, text: '' };
const REFUSED = { status: 401, text: '' };
/** A body in which bytes, letters and escapes differ. */
const SPOKEN = { description: 'Tè verde – 100 % «bio» / ☕ "<&>" \\' };

const programs = new Programs();
let shop;
/** Webhooks as they arrived before a rotation, while both secrets were in force, and after; and the secrets. */
let sent;

before(async () => {
  shop = await openShop();
  const endpoint = await shop.endpoint(SPOKEN);
  const rotate = (overlap_seconds) => shop.call('POST', `webhooks/${endpoint.id}/rotate-secret`, { overlap_seconds });
  const alone = await shop.deliver(endpoint);
  const second = (await rotate(3600)).secret;
  const overlap = await shop.deliver(endpoint);
  const third = (await rotate(0)).secret;
  const later = await shop.deliver(endpoint);
  sent = { alone, overlap, later, secrets: { first: endpoint.secret, second, third } };
});
after(() => Promise.all([programs.stop(), shop?.stop()]));

/** A test for each language. */
function inEach(what, steps) {
  for (const language of LANGUAGES) {
    test(`${language.name}: ${what}`, async (t) => {
      if (!has(language, t)) return;
      await steps((secret, webhook) => programs.answer(language, secret, webhook), language);
    });
  }
}

inEach('a true webhook is taken', async (answer) => {
  assert.deepEqual(await answer(sent.secrets.first, sent.alone), TAKEN);
  // Signed as the forgeries are, and not too old: what is refused below is refused for what it is.
  assert.deepEqual(await answer(sent.secrets.first, signedAt(sent.alone, sent.secrets.first, Date.now() - 4 * 60_000)), TAKEN);
});

inEach('both secrets are good while a rotation lasts', async (answer) => {
  const { first, second, third } = sent.secrets;
  assert.equal(sent.overlap.headers['webhook-signature'].split(' ').length, 2);
  assert.deepEqual([await answer(first, sent.overlap), await answer(second, sent.overlap)], [TAKEN, TAKEN]);
  assert.deepEqual([await answer(first, sent.later), await answer(second, sent.later)], [REFUSED, REFUSED]);
  assert.deepEqual([await answer(third, sent.later), await answer(third, sent.overlap)], [TAKEN, REFUSED]);
});

inEach('no forgery is taken', async (answer) => {
  const { first, second } = sent.secrets;
  for (const [webhook, secret] of [[sent.alone, first], [sent.overlap, first], [sent.overlap, second]]) {
    for (const [name, forgery] of Object.entries(forgeries(webhook, secret))) {
      assert.deepEqual(await answer(secret, forgery), REFUSED, name);
    }
    assert.deepEqual(await answer(secret, webhook), TAKEN, 'and it still works');
  }
  assert.deepEqual(await answer(nobodysSecret(), sent.alone), REFUSED);
});

inEach('a server that lost its secret takes nothing', async (_, language) => {
  const program = await startProgram(language, '', await freePort()).catch(() => null);
  if (!program) return;
  const { headers, body } = signedByNothing(sent.alone);
  const { status } = await fetch(program.url, { method: 'POST', headers, body });
  await program.stop();
  assert.equal(status, 500);
});

inEach('the Worker itself finds nothing to complain about', async (_, language) => {
  const port = await freePort();
  const fields = { url: `http://127.0.0.1:${port}/livery`, event_types: ['webhook.test'] };
  const { id, secret } = await shop.endpoint({ ...SPOKEN, ...fields });
  const program = await startProgram(language, secret, port);
  try {
    const { ok, checks } = await shop.call('POST', `webhooks/${id}/check`);
    assert.deepEqual([ok, checks.filter(({ result }) => result !== 'ok')], [true, []]);
    const { id: delivery } = await shop.call('POST', `webhooks/${id}/test`);
    const { status, attempts } = await shop.settled(delivery);
    assert.deepEqual([status, attempts.map((attempt) => attempt.status)], ['delivered', [204]]);
  } finally {
    await program.stop();
  }
});
