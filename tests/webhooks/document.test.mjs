// What docs/webhooks.md says is what the Worker does: the body that it shows, and the schedule.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { inProject } from '../../tools/process.mjs';
import { block, section } from './languages.mjs';
import { openShop } from './shop.mjs';

let shop;
before(async () => (shop = await openShop()));
after(() => shop?.stop());

/** The fields of an object and of those in it, in their order. */
const fields = (object) =>
  Object.entries(object).map(([name, value]) => (value && typeof value === 'object' ? [name, fields(value)] : name));

test('a webhook has the headers and the fields that are shown', async () => {
  const thin = await shop.deliver(await shop.endpoint({ payload: 'thin' }));
  const shown = block('What arrives', 'http').trim().split('\n').slice(1).map((line) => line.split(': ')[0]);
  assert.deepEqual(shown.filter((name) => !thin.headers[name]), []);
  const body = thin.body.toString();
  assert.deepEqual(fields(JSON.parse(body)), fields(JSON.parse(block('What arrives', 'json'))));
  assert.equal(body, JSON.stringify(JSON.parse(body)), 'it comes without line breaks');
  const endpoint = await shop.endpoint({});
  const full = JSON.parse((await shop.deliver(endpoint)).body);
  const { secret, ...object } = endpoint;
  assert.deepEqual(full.data.object, object);
});

test('the schedule is the one that is followed', () => {
  const code = readFileSync(inProject('src', 'ledger', 'webhook', 'retry.rs'), 'utf8');
  const [, list] = /PAUSES: \[u32; \d+\] = \[(.*)\];/.exec(code);
  const pauses = list.split(',').map((product) => product.split('*').reduce((seconds, factor) => seconds * Number(factor), 1));
  const table = section('The schedule').matchAll(/^\| (\d+) \|(.*)\|(.*)\|$/gm);
  const rows = [...table].map(([, attempt, ...cells]) => [Number(attempt), ...cells.map((cell) => cell.trim())]);
  let total = 0;
  const expected = pauses.map((pause, at) => [at + 2, spell(pause), spell((total += pause))]);
  assert.deepEqual(rows, [[1, '', 'at once'], ...expected]);
});

/** As the table has it: the seconds of the first pause are lost in the minutes after it. */
function spell(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const [h, min] = [Math.floor(minutes / 60), minutes % 60];
  return [h && `${h} h`, min && `${min} min`].filter(Boolean).join(' ');
}
