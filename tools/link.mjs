// `npm run link -- --amount 25 --currency EUR …` prints a signed checkout link; `npm run link-key` prints the key that a
// merchant's own server signs links with. What is signed, and how, is documented in the README.
import { createHmac, hkdfSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Failure, inProject, script } from './process.mjs';

const PARAMETERS = [
  'account', 'address', 'amount', 'background', 'button', 'callback', 'cancel_url', 'currency', 'email', 'expires', 'logo', 'mode',
  'provider', 'reference', 'success_url', 'theme',
];
const METADATA = /^metadata\[.+\]$/;
const LOOPBACK = /^(([\w-]+\.)*localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/** The link to `parameters` that the Worker with these settings accepts as unaltered. */
export function checkoutLink(settings, parameters) {
  const host = required(settings, 'CHECKOUT_DOMAIN');
  const query = canonicalQuery(parameters);
  const signature = createHmac('sha256', linkKey(settings)).update(`livery-link-v1\n${query}`).digest('hex');
  return `${LOOPBACK.test(host) ? 'http' : 'https'}://${host}/checkout?${query}&sig=${signature}`;
}

/** The first signing key seals. */
export function linkKey(settings) {
  const signingKey = Buffer.from(required(settings, 'SIGNING_KEY').split(',')[0].trim(), 'base64');
  return Buffer.from(hkdfSync('sha256', signingKey, '', 'livery checkout link v1', 32));
}

/** Sorted by name, then by value: the bytes that are signed. */
function canonicalQuery(parameters) {
  const byBytes = ([a, x], [b, y]) => Buffer.compare(Buffer.from(a), Buffer.from(b)) || Buffer.compare(Buffer.from(x), Buffer.from(y));
  const pairs = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  return pairs.sort(byBytes).map((pair) => pair.map(encode).join('=')).join('&');
}

/** RFC 3986: all but the unreserved characters. */
const encode = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** What .dev.vars says, overruled by the environment. */
function localSettings() {
  const settings = fileSettings();
  for (const name of ['CHECKOUT_DOMAIN', 'SIGNING_KEY']) settings[name] = process.env[name] ?? settings[name];
  return settings;
}

/** What .dev.vars says, which is what a Worker on this machine is given. */
export function fileSettings() {
  const file = inProject('.dev.vars');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').matchAll(/^([A-Z_]+)=["']?(.*?)["']?\s*$/gm) : [];
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}

function required(settings, name) {
  if (settings[name]) return settings[name];
  throw new Failure(`${name} is not set: put it into .dev.vars or the environment`);
}

// --- the command ---

const USAGE = `npm run link -- --amount 25.00 --currency EUR --callback https://shop.example/paid?order=7 [--provider moonpay] …
  any of --${PARAMETERS.join(' --')} --metadata[key]
  --host pay.example.com   instead of CHECKOUT_DOMAIN
npm run link-key           the key for signing links on your own server, in base64`;

function main(args) {
  const settings = localSettings();
  if (args[0] === '--key') return console.log(linkKey(settings).toString('base64'));
  const { host = settings.CHECKOUT_DOMAIN, ...parameters } = options(args);
  console.log(checkoutLink({ ...settings, CHECKOUT_DOMAIN: host }, parameters));
}

/** `--name value` and `--name=value`. */
function options(args) {
  const result = {};
  const words = args.flatMap((word) => (/^--[^=]+=/.test(word) ? split(word) : [word]));
  for (let i = 0; i < words.length; i += 2) result[known(words[i])] = words[i + 1] ?? usage(`${words[i]} has no value`);
  return Object.keys(result).length ? result : usage('which link?');
}

const split = (word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)];

function known(flag) {
  const name = flag.replace(/^--/, '');
  const right = flag.startsWith('--') && (name === 'host' || PARAMETERS.includes(name) || METADATA.test(name));
  return right ? name : usage(`${flag} is not a parameter of a checkout link`);
}

function usage(problem) {
  throw new Failure(`${problem}\n${USAGE}`);
}

await script(import.meta.url, main);
