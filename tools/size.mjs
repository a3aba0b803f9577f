// `npm run size`: what the Worker weighs when deployed, and whether that is within its budget.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { budgets, capture, Failure, say, script } from './process.mjs';

/** The gzipped size of the bundle in KiB, as wrangler measures it. */
export function bundleSize() {
  const folder = mkdtempSync(join(tmpdir(), 'livery-size-'));
  const output = capture('wrangler', ['deploy', '--dry-run', '--outdir', folder]);
  rmSync(folder, { recursive: true });
  const size = /gzip: ([\d.]+) KiB/.exec(output)?.[1];
  if (!size) throw new Failure('wrangler deploy --dry-run failed: run it to see why');
  return Number(size);
}

function main() {
  build();
  const size = bundleSize();
  const verdict = `the bundle is ${size} KiB gzipped, of ${budgets.bundle_gzip_kib} KiB`;
  if (size > budgets.bundle_gzip_kib) throw new Failure(`${verdict}: too much`);
  say(verdict);
}

await script(import.meta.url, main);
