// `npm run soak -- --minutes 10`: the test of tests/soak.rs for as long as one likes, with a line every few seconds.
// `npm run soak -- durability --rounds 400`: the one of tests/ledger_durability.rs, with so many kills.
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { Failure, run, say, script } from './process.mjs';

const command = (test) => ['test', '-p', 'livery', '--test', test, '--', '--nocapture'];

function soak(args) {
  const options = { minutes: { type: 'string', default: '10' }, rounds: { type: 'string', default: '400' }, seed: { type: 'string', default: '1' } };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  for (const name of ['minutes', 'rounds', 'seed']) {
    if (!(Number(values[name]) > 0)) throw new Failure(`--${name} ${values[name]} is no number above 0`);
  }
  const [which = 'customers', ...others] = positionals;
  if (others.length || !['customers', 'durability'].includes(which)) throw new Failure(`${positionals.join(' ')}: there is only durability`);
  build();
  if (which === 'durability') return kill(values);
  const seconds = Math.max(1, Math.round(Number(values.minutes) * 60));
  say(`${values.minutes} minutes of customers, and of a gateway that breaks and recovers`);
  if (!run('cargo', command('soak'), { LIVERY_SOAK_SECONDS: String(seconds) })) throw new Failure('something was lost, mixed up or left behind: see above');
}

function kill({ rounds, seed }) {
  say(`${rounds} rounds of orders and payments, each ended by a kill`);
  const environment = { LIVERY_DURABILITY_ROUNDS: rounds, LIVERY_DURABILITY_SEED: seed };
  if (!run('cargo', command('ledger_durability'), environment)) throw new Failure('something was lost or counted twice: see above');
}

await script(import.meta.url, soak);
