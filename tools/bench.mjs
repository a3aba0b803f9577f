// `npm run bench`: builds the Worker, then compares it with three Workers in JavaScript (benches/compare/ says how). In the
// test profile, because it is compiled already: the time of the contenders is measured, not the benchmark's own.
import { build } from './build.mjs';
import { Failure, run, script } from './process.mjs';

const BENCH = ['bench', '--quiet', '-p', 'livery', '--profile', 'dev', '--bench', 'compare', '--'];

function bench(args) {
  build();
  if (!run('cargo', [...BENCH, ...args])) throw new Failure('nothing was measured: see above');
}

await script(import.meta.url, bench);
