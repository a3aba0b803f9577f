// What the Worker's WebAssembly consists of: bytes of code by what they are for, judged by the crate that stands first in a
// function's name. Code that the compiler put into another function counts there, so these are shares and no exact sums.

/** What every request needs comes first, then what some need. */
const GROUPS = {
  'requests and decisions': ['livery'],
  scrubber: ['livery_scrub'],
  URLs: ['url', 'idna', 'idna_adapter', 'percent_encoding', 'smallvec', 'utf8_iter'],
  JSON: ['serde_json', 'serde', 'serde_core', 'zmij', 'itoa', 'memchr'],
  cryptography: [
    'aes', 'aes_siv', 'base16ct', 'base64ct', 'cipher', 'cmac', 'cmov', 'crypto_common', 'ctr', 'ctutils', 'dbl', 'digest', 'hkdf', 'hmac',
    'hybrid_array', 'keccak', 'sha2', 'sha3',
  ],
  amounts: ['rust_decimal', 'arrayvec', 'num_traits'],
  'standard library': ['core', 'alloc', 'std', 'dlmalloc', 'char', 'str', '__rustc', 'compiler_builtins'],
};
const REST = 'everything else';

const groupOf = new Map(Object.entries(GROUPS).flatMap(([group, crates]) => crates.map((crate) => [crate, group])));

/** Bytes of code in a module that has kept its names, by group. */
export function codeByGroup(wasm) {
  const module = new WebAssembly.Module(wasm);
  const [section] = WebAssembly.Module.customSections(module, 'name');
  const names = functionNames(new Reader(new Uint8Array(section)));
  const imported = WebAssembly.Module.imports(module).filter(({ kind }) => kind === 'function').length;
  const bytes = Object.fromEntries([...Object.keys(GROUPS), REST].map((group) => [group, 0]));
  functionSizes(new Reader(wasm)).forEach((size, at) => (bytes[groupOfName(names.get(imported + at) ?? '')] += size));
  return bytes;
}

/** Such as `<livery::money::Amount as core::fmt::Display>::fmt`. What JavaScript calls goes by a plain name, and is ours. */
function groupOfName(name) {
  if (name.endsWith(' shim')) return groupOf.get('livery');
  const [, crate] = /^(?:[<&*([]|mut |dyn )*(\w+)(?:\[\w+\])?(?:::|>)/.exec(name) ?? [];
  return groupOf.get(crate) ?? REST;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get isAtEnd() {
    return this.at >= this.bytes.length;
  }

  number() {
    let [number, weight, byte] = [0, 1];
    do {
      byte = this.bytes[this.at++];
      number += (byte & 0x7f) * weight;
      weight *= 0x80;
    } while (byte & 0x80);
    return number;
  }

  /** What is as long as the number in front of it says. */
  block() {
    const length = this.number();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

const CODE = 10;
const FUNCTIONS = 1;

/** The sizes of all functions, in order. */
function functionSizes(reader) {
  reader.at = 8;
  const section = subsection(reader, CODE);
  return Array.from({ length: section.number() }, () => section.block().length);
}

function functionNames(reader) {
  const list = subsection(reader, FUNCTIONS);
  return new Map(Array.from({ length: list.number() }, () => [list.number(), new TextDecoder().decode(list.block())]));
}

function subsection(reader, wanted) {
  while (!reader.isAtEnd) {
    const kind = reader.number();
    const block = reader.block();
    if (kind === wanted) return new Reader(block);
  }
  throw new Error(`the module has no section ${wanted}`);
}
