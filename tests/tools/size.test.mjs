// Whose code it is, told from a small module made by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeByGroup } from '../../tools/parts.mjs';
import { budgets } from '../../tools/process.mjs';

const block = (...bytes) => [bytes.length, ...bytes];
const text = (string) => block(...new TextEncoder().encode(string));

/** A module that imports one function and has one of its own for each name, the first of one byte more than the next. */
function module(names) {
  const bodies = names.map((_, at) => block(0, ...Array(names.length - at).fill(0x01), 0x0b));
  const named = names.map((name, at) => [at + 1, ...text(name)]);
  const section = (kind, ...bytes) => [kind, ...block(...bytes)];
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 0, 0),
    ...section(2, 1, ...text('a'), ...text('b'), 0, 0),
    ...section(3, names.length, ...names.map(() => 0)),
    ...section(10, names.length, ...bodies.flat()),
    ...section(0, ...text('name'), ...section(1, names.length, ...named.flat())),
  ]);
}

test('code counts for the crate that stands first in its name', () => {
  const names = ['begin externref shim', '<&mut url::Url as core::fmt::Debug>::fmt', '<core[1f]::fmt::F>::pad', '<T as x::Y>::z', 'm'];
  const found = Object.entries(codeByGroup(module(names))).filter(([, bytes]) => bytes > 0);
  assert.deepEqual(found, [['requests and decisions', 7], ['URLs', 6], ['standard library', 5], ['everything else', 4 + 3]]);
});

test('every budget is for a group that there is, and every group has one', () => {
  assert.deepEqual(Object.keys(budgets.code_kib), Object.keys(codeByGroup(module(['m']))));
});
