// What is made of a true webhook and must be refused.
import { createHmac, randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

const MINUTE = 60_000;

/** The headers that a webhook is verified by. */
export const signed = ({ headers }) =>
  Object.fromEntries(['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, headers[name]]));

/** The webhook as if it were sent at that moment, signed by the official library. */
export function signedAt({ headers, body }, secret, moment) {
  const id = headers['webhook-id'];
  const signature = new Webhook(secret).sign(id, new Date(moment), body);
  return { headers: { 'webhook-id': id, 'webhook-timestamp': String(Math.floor(moment / 1000)), 'webhook-signature': signature }, body };
}

/** The same, signed by a key without any bytes: the libraries know none. */
export function signedByNothing(webhook) {
  const headers = signed(webhook);
  const mac = createHmac('sha256', '').update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(webhook.body);
  return { headers: { ...headers, 'webhook-signature': `v1,${mac.digest('base64')}` }, body: webhook.body };
}

/** Each forgery of a webhook that was signed by `secret`, by its name. */
export function forgeries(webhook, secret) {
  const now = Date.now();
  const { body } = webhook;
  const headers = signed(webhook);
  const [id, timestamp, signature] = Object.values(headers);
  const withBody = (body) => ({ headers, body: Buffer.from(body) });
  const withHeader = (name, value) => ({ headers: { ...headers, [name]: value }, body });
  const without = (name) => ({ headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)), body });
  const first = signature.split(' ')[0];
  const dot = body.indexOf('.') + 1;
  const front = body.subarray(0, dot - 1).toString('latin1');
  return {
    ...Object.fromEntries([0, Math.floor(body.length / 2), body.length - 1].map((at) => [`byte ${at} changed`, withBody(changed(body, at))])),
    'a byte more': withBody(Buffer.concat([body, Buffer.from('\n')])),
    'a byte less': withBody(body.subarray(0, -1)),
    'no body': withBody(''),
    'the same JSON, written anew': withBody(JSON.stringify(JSON.parse(body), null, 2)),
    "another's secret": signedAt(webhook, nobodysSecret(), now),
    'a secret without bytes': signedByNothing(webhook),
    '6 minutes old': signedAt(webhook, secret, now - 6 * MINUTE),
    '6 minutes ahead': signedAt(webhook, secret, now + 6 * MINUTE),
    'another timestamp': withHeader('webhook-timestamp', String(Number(timestamp) + 1)),
    'a timestamp that is none': withHeader('webhook-timestamp', 'now'),
    'another id': withHeader('webhook-id', `${id}0`),
    'the beginning of the body in the timestamp': { headers: { ...headers, 'webhook-timestamp': `${timestamp}.${front}` }, body: body.subarray(dot) },
    'an empty signature': withHeader('webhook-signature', ''),
    'an empty signature of the right version': withHeader('webhook-signature', 'v1,'),
    'the beginning of a signature': withHeader('webhook-signature', first.slice(0, -8)),
    'a signature of another version': withHeader('webhook-signature', first.replace('v1,', 'v2,')),
    'a signature without a version': withHeader('webhook-signature', first.replace('v1,', '')),
    'no webhook-id': without('webhook-id'),
    'no webhook-timestamp': without('webhook-timestamp'),
    'no webhook-signature': without('webhook-signature'),
  };
}

export const nobodysSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

function changed(body, at) {
  const other = Buffer.from(body);
  other[at] ^= 1;
  return other;
}
