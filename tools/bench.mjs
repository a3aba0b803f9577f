// `npm run bench`: builds the Worker, then compares it with three Workers in JavaScript (benches/compare/ says how).
// `npm run bench -- ledger` measures what one account's ledger bears (benches/ledger/), `npm run bench -- webhooks` how soon and how
// fast its webhooks and live events arrive (benches/webhooks/). In the test profile, because it is compiled already: the time of
// workerd is measured, not the benchmark's own.
import { build } from './build.mjs';
import { Failure, run, script } from './process.mjs';

const BENCH = ['bench', '--quiet', '-p', 'livery', '--profile', 'dev', '--bench'];
/** Those that are asked for by name. */
const NAMED = ['ledger', 'webhooks'];

function bench(args) {
  const [name, rest] = NAMED.includes(args[0]) ? [args[0], args.slice(1)] : ['compare', args];
  build();
  if (!run('cargo', [...BENCH, name, '--', ...rest])) throw new Failure('nothing was measured: see above');
}

await script(import.meta.url, bench);
