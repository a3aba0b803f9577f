// `npm start`: each link that it prints works, so do those of the demo shop, and Ctrl-C leaves nothing behind.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../tools/local.mjs';
import { environment, inProject, root, tryPort } from '../../tools/process.mjs';

const VARIABLES = {
  livery: 'LIVERY_PORT',
  api: 'SANDBOX_API_PORT',
  checkout: 'SANDBOX_CHECKOUT_PORT',
  provider: 'SANDBOX_PROVIDER_PORT',
  shop: 'SANDBOX_SHOP_PORT',
};
const at = (port) => `http://127.0.0.1:${port}`;
const folder = mkdtempSync(join(tmpdir(), 'livery-start-'));
let ports;
let child;
let output = '';

before(async () => {
  ports = await freePorts();
  const chosen = Object.entries(VARIABLES).map(([name, variable]) => [variable, String(ports[name])]);
  const env = { ...environment, ...Object.fromEntries(chosen), XDG_CONFIG_HOME: folder };
  child = spawn('node', [inProject('tools', 'start.mjs')], { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${output}`)));
    child.stderr.on('data', (data) => {
      output += data;
      if (/the demo shop +http\S+/.test(output)) resolve();
    });
  });
});
after(() => {
  child.kill('SIGINT');
  rmSync(folder, { recursive: true, force: true });
});

/** The link that was printed after these words. */
const printed = (words) => output.match(new RegExp(`${words} +(http\\S+)`))[1];

/** Follows redirects one by one: every place on the way, and the last answer's status and text. */
async function follow(url) {
  const hosts = [new URL(url).host];
  let answer = await fetch(url, { redirect: 'manual' });
  while (answer.status === 302 && hosts.length < 5) {
    url = new URL(answer.headers.get('location'), url).href;
    hosts.push(new URL(url).host);
    answer = await fetch(url, { redirect: 'manual' });
  }
  return { ways: hosts.map((host) => Object.keys(ports).find((name) => at(ports[name]) === `http://${host}`)), status: answer.status, text: await answer.text() };
}

test('the provider link leads to the provider', async () => {
  const { ways, status, text } = await follow(printed('pay with MoonPay'));
  assert.deepEqual([ways, status], [['livery', 'provider'], 200], text);
  assert.match(text, /Pay at moonpay/i);
});

test('the link to all providers leads to the hosted page', async () => {
  const { ways, status, text } = await follow(printed('choose a provider'));
  assert.deepEqual([ways, status], [['livery', 'livery'], 200], text);
  assert.match(text, /data-provider="moonpay"/);
  assert.doesNotMatch(text, /anexpay\.net/i);
});

test('the demo shop takes an order, and every link on it works', async () => {
  const shop = printed('the demo shop');
  assert.equal(shop.replace(/\/$/, ''), at(ports.shop));
  assert.equal((await fetch(shop)).status, 200);
  const taken = await fetch(`${at(ports.shop)}/orders`, { method: 'POST', body: new URLSearchParams({ product: 'tea' }) });
  const page = await taken.text();
  const links = Object.fromEntries([...page.matchAll(/<a id="(\w+)" href="([^"]+)"/g)].map(([, id, url]) => [id, url.replaceAll('&#38;', '&').replaceAll('&amp;', '&')]));
  assert.deepEqual(Object.keys(links), ['checkout', 'process', 'hosted'], page);
  for (const [id, url] of Object.entries(links)) {
    const { status, text } = await follow(url);
    assert.equal(status, 200, `${id}: ${text}`);
  }
});

test('Ctrl-C ends it, its children and their children', async () => {
  const family = descendants(child.pid);
  assert.ok(family.length >= 4, `only ${family.length} processes`);
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
  child.kill('SIGINT');
  assert.deepEqual(await ended, [0, null], output);
  const left = () => processes().filter(({ pid }) => family.includes(pid));
  const deadline = Date.now() + 20_000;
  while (left().length && Date.now() < deadline) await sleep(20);
  assert.deepEqual(left(), []);
  for (const [name, port] of Object.entries(ports)) assert.equal(await tryPort(port), port, `the port of ${name} is still taken`);
});

/** Every process that runs, with its parent and what it is; those that have ended and wait to be counted are left out. */
function processes() {
  const table = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).stdout;
  const rows = table.trim().split('\n').map((line) => line.trim().split(/\s+/));
  return rows.filter(([, , state]) => !state.startsWith('Z')).map(([pid, parent, , ...args]) => ({ pid, parent, args: args.join(' ') }));
}

function descendants(pid) {
  const rows = processes();
  const below = (parent) => rows.filter((row) => row.parent === parent).flatMap((row) => [row.pid, ...below(row.pid)]);
  return below(String(pid));
}
