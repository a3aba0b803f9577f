// `npm run soak -- --minutes 10`: the test of tests/soak.rs for as long as one likes, with a line every few seconds.
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { Failure, run, say, script } from './process.mjs';

const SOAK = ['test', '-p', 'livery', '--test', 'soak', '--', '--nocapture'];

function soak(args) {
  const { values } = parseArgs({ args, options: { minutes: { type: 'string', default: '10' } } });
  const seconds = Math.round(Number(values.minutes) * 60);
  if (!(seconds > 0)) throw new Failure(`--minutes ${values.minutes} is no number of minutes`);
  build();
  say(`${values.minutes} minutes of customers, and of a gateway that breaks and recovers`);
  if (!run('cargo', SOAK, { LIVERY_SOAK_SECONDS: String(seconds) })) throw new Failure('something was lost, mixed up or left behind: see above');
}

await script(import.meta.url, soak);
