// `npm run size`: what the Worker weighs when deployed, what it consists of, and whether that is within its budgets.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, namedWasm } from './build.mjs';
import { codeByGroup } from './parts.mjs';
import { budgets, capture, Failure, inProject, say, script } from './process.mjs';

const FILES = { JavaScript: 'index.js', WebAssembly: 'index_bg.wasm' };

/** The gzipped size of the bundle in KiB, as wrangler measures it. */
export function bundleSize() {
  const output = inFolder((folder) => capture('wrangler', ['deploy', '--dry-run', '--outdir', folder]));
  const size = /gzip: ([\d.]+) KiB/.exec(output)?.[1];
  if (!size) throw new Failure('wrangler deploy --dry-run failed: run it to see why');
  return Number(size);
}

/** Lines of the table: what it is, its size in KiB, and its budget if it has one. */
function sizes() {
  const packed = (file) => gzipSync(readFileSync(inProject('build', file))).length;
  const code = Object.entries(inFolder((folder) => codeByGroup(namedWasm(folder))));
  return [
    ['the bundle, gzipped', bundleSize(), budgets.bundle_gzip_kib],
    ...Object.entries(FILES).map(([kind, file]) => [`  ${kind}`, packed(file) / 1024]),
    ['code in the WebAssembly', code.reduce((sum, [, bytes]) => sum + bytes, 0) / 1024],
    ...code.map(([group, bytes]) => [`  ${group}`, bytes / 1024, budgets.code_kib[group]]),
  ];
}

function inFolder(task) {
  const folder = mkdtempSync(join(tmpdir(), 'livery-size-'));
  try {
    return task(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function main() {
  build();
  const lines = sizes();
  for (const [what, size, budget] of lines) say(`${what.padEnd(26)}${size.toFixed(1).padStart(7)} KiB${budget ? `  of ${budget}` : ''}`);
  const excess = lines.filter(([, size, budget]) => size > budget);
  if (excess.length) throw new Failure(`too much: ${excess.map(([what]) => what.trim()).join(', ')}`);
}

await script(import.meta.url, main);
