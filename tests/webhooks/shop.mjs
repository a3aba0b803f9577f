// A merchant with webhooks: a real Worker, an account with a live key, and a server that writes down what arrives.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startIsolated } from '../support/local.mjs';

const ADMIN_TOKEN = 'the-operators-own-token-0123456789';
const WALLET = '0xF977814e90dA44bFA03b6295A0616a897441aceC';
/** How long a webhook may be on its way, in milliseconds. */
const PATIENCE_MS = 20_000;

/** Starts the Worker, at `livery`. `call` is the merchant's own API, with `key`, `deliver` has a test event sent to an endpoint and says what arrived. */
export async function openShop() {
  const local = await startIsolated({ ADMIN_TOKEN });
  const server = await record();
  const stop = () => Promise.all([local.stop(), server.stop()]);
  try {
    const { livery } = local;
    const key = await merchantsKey(`${livery}/api/v1`);
    const call = caller(`${livery}/api/v1`, { authorization: `Bearer ${key}` });
    const endpoint = (fields) => call('POST', 'webhooks', { url: server.url, ...fields });
    const deliver = async ({ id }) => server.arrival((await call('POST', `webhooks/${id}/test`)).event);
    return { livery, key, call, endpoint, deliver, settled: (id) => settled(call, id), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A delivery with its attempts, once it is not pending any more. */
async function settled(call, id) {
  const delivery = await call('GET', `webhook-deliveries/${id}`);
  if (delivery.status !== 'pending') return delivery;
  await sleep(50);
  return settled(call, id);
}

/** Calls of the API with these headers; each has to succeed. */
function caller(api, headers) {
  return async (method, path, body = {}) => {
    const content = method === 'GET' ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${api}/${path}`, { method, headers, ...content });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${method} ${path}: ${text}`);
    return JSON.parse(text);
  };
}

/** The key of a new account. */
async function merchantsKey(api) {
  const operator = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const account = await caller(api, operator)('POST', 'accounts', { name: 'Tea shop', payout_wallet: WALLET });
  const key = await caller(api, { ...operator, 'livery-account': account.id })('POST', 'api-keys', { name: 'shop server' });
  return key.secret;
}

/** A server that takes everything; `arrival` waits for what has that `webhook-id`. */
async function record() {
  const arrived = new Map();
  const waiting = new Map();
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request));
    response.writeHead(204).end();
    const id = request.headers['webhook-id'];
    arrived.set(id, { headers: request.headers, body });
    waiting.get(id)?.(arrived.get(id));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/livery`,
    arrival: (id) => arrived.get(id) ?? inTime(id, new Promise((resolve) => waiting.set(id, resolve))),
    stop: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

function inTime(id, arrival) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`webhook ${id} did not arrive`)), PATIENCE_MS).unref());
  return Promise.race([arrival, late]);
}
