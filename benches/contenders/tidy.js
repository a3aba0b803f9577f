// Livery's job in tidy JavaScript: input is checked, queries are built anew, headers pass by list in both directions, JSON is
// read and written anew, the merchant's callback is sealed, redirects are followed where they stay on the gateway, provider
// list and rates are remembered for a minute. It does less than Livery in four things: mixed-case wallets are not checked
// against EIP-55 (there is no Keccak in the runtime), parameters are what URLSearchParams takes them for and not PHP, hidden
// names are found in plain spelling and any letter case alone, and pages are read whole.
const MINUTE = 60_000;
const WALLET = /^0x[0-9a-f]{40}$/i;
const AMOUNT = /^(?=.*[1-9])\d{1,15}(\.\d{1,18})?$/;
const CURRENCY = /^[A-Z]{3}$/i;
const OPAQUE = /^[A-Za-z0-9+/_-]{16,4096}={0,2}$/;
const TO_GATEWAY = ['accept', 'accept-language', 'user-agent'];
const TO_CUSTOMER = ['content-type', 'content-language', 'etag', 'last-modified', 'cache-control', 'vary'];
const SAFE = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
const HIDDEN = /anexpay\.net/gi;
const IN_HOST = /[a-z0-9.-]/i;
const encoder = new TextEncoder();
const memory = { providers: null, rates: new Map(), keys: null };

class Refusal extends Error {
  constructor(status, code, message, param) {
    super(message);
    Object.assign(this, { status, code, param });
  }
}

export default {
  async fetch(request, env) {
    const id = crypto.randomUUID();
    try {
      const url = new URL(request.url);
      const handler = ROUTES[url.pathname];
      if (!handler) throw new Refusal(404, 'not_found', 'there is nothing here');
      return await handler({ request, env, url, id, params: new URLSearchParams(url.search) });
    } catch (error) {
      return failure(error, id);
    }
  },
};

const ROUTES = {
  '/control/wallet.php': wallet,
  '/control/convert.php': convert,
  '/control/provider-status': providerList,
  '/process-payment.php': payment,
  '/pay.php': page,
  '/checkout': checkout,
};

function failure(error, id) {
  const known = error instanceof Refusal;
  const { status, code, message, param } = known ? error : { status: 502, code: 'gateway_unavailable', message: 'try again' };
  const type = status < 500 ? 'invalid_request_error' : 'gateway_error';
  return json({ error: { type, code, message, param, request_id: id } }, id, status);
}

function json(value, id, status = 200) {
  const headers = { ...SAFE, 'content-type': 'application/json', 'request-id': id, 'cache-control': 'no-store' };
  return new Response(JSON.stringify(value), { status, headers: { ...headers, 'access-control-allow-origin': '*' } });
}

function required(params, name, pattern) {
  const all = params.getAll(name);
  if (all.length !== 1 || !pattern.test(all[0])) throw new Refusal(400, 'invalid_parameter', `${name} is not valid`, name);
  return all[0];
}

function headersFor({ request }, withCountry) {
  const headers = {};
  for (const name of TO_GATEWAY) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  if (withCountry) {
    const country = request.headers.get('cf-ipcountry') ?? request.cf?.country ?? 'XX';
    headers['PGTO-IPCountry'] = /^[A-Z]{2}$/.test(country) && country !== 'T1' ? country : 'XX';
  }
  return headers;
}

async function ask(cx, url, withCountry = false) {
  const signal = AbortSignal.timeout(30_000);
  const reply = await fetch(url, { headers: headersFor(cx, withCountry), redirect: 'manual', signal });
  if (reply.status >= 500) throw new Refusal(502, 'gateway_unavailable', 'the gateway failed');
  if (reply.status >= 400) throw new Refusal(422, 'gateway_rejected', 'the gateway refused');
  return reply;
}

async function askJson(cx, url, fields) {
  const value = await (await ask(cx, url)).json();
  if (!fields.every((name) => typeof value[name] === 'string')) throw new Refusal(502, 'gateway_invalid_reply', 'no valid reply');
  return value;
}

async function keys(env) {
  const raw = Uint8Array.from(atob(env.SIGNING_KEY), (c) => c.charCodeAt(0));
  return Promise.all([
    crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']),
    crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt']),
  ]);
}

/** The same callback gives the same token: the nonce is made from the text, as in AES-SIV. */
async function sealed(env, text) {
  const [mac, cipher] = await (memory.keys ??= keys(env));
  const bytes = encoder.encode(text);
  const iv = new Uint8Array(await crypto.subtle.sign('HMAC', mac, bytes)).slice(0, 12);
  const body = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, cipher, bytes));
  return btoa(String.fromCharCode(...iv, ...body)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

async function created(cx) {
  const { env, params } = cx;
  const address = required(params, 'address', WALLET);
  const callback = required(params, 'callback', /^https?:\/\/[^/]+.*\?.+/);
  if (!URL.canParse(callback)) throw new Refusal(400, 'invalid_parameter', 'callback is not a URL', 'callback');
  const own = `http://${env.CHECKOUT_DOMAIN}/callback?token=${await sealed(env, callback)}`;
  const query = `address=${address}&callback=${encodeURIComponent(own)}&affiliate=${env.AFFILIATE_WALLET}`;
  const url = `${env.GATEWAY_API_URL}/control/affiliate.php?${query}`;
  const made = await askJson(cx, url, ['address_in', 'polygon_address_in', 'ipn_token']);
  if (!OPAQUE.test(decodeURIComponent(made.address_in)) || !WALLET.test(made.polygon_address_in)) {
    throw new Refusal(502, 'gateway_invalid_reply', 'no valid reply');
  }
  return { ...made, callback_url: callback };
}

async function wallet(cx) {
  const { address_in, polygon_address_in, callback_url, ipn_token } = await created(cx);
  return json({ address_in, polygon_address_in, callback_url, ipn_token }, cx.id);
}

async function conversion(cx, from, value) {
  const url = `${cx.env.GATEWAY_API_URL}/control/convert.php?from=${from}&value=${value}`;
  const { status, value_coin, exchange_rate } = await askJson(cx, url, ['status', 'value_coin', 'exchange_rate']);
  if (!AMOUNT.test(value_coin) || !AMOUNT.test(exchange_rate)) throw new Refusal(502, 'gateway_invalid_reply', 'no valid reply');
  memory.rates.set(from, { rate: Number(exchange_rate), since: Date.now() });
  return { status, value_coin, exchange_rate };
}

async function convert(cx) {
  const from = required(cx.params, 'from', CURRENCY).toUpperCase();
  return json(await conversion(cx, from, required(cx.params, 'value', AMOUNT)), cx.id);
}

async function providers(cx) {
  if (memory.providers && Date.now() - memory.providers.since < MINUTE) return memory.providers.list;
  const value = await (await ask(cx, `${cx.env.GATEWAY_API_URL}/control/provider-status`)).json();
  const list = value.providers.map(({ id, provider_name, status, minimum_currency, minimum_amount }) => {
    return { id, provider_name, status, minimum_currency, minimum_amount };
  });
  memory.providers = { list, since: Date.now() };
  return list;
}

async function providerList(cx) {
  return json({ providers: await providers(cx) }, cx.id);
}

/** Follows redirects that stay on the gateway; the provider's URL is handed on byte for byte. */
async function provider(cx, first) {
  const own = [new URL(cx.env.GATEWAY_API_URL).origin, new URL(cx.env.GATEWAY_CHECKOUT_URL).origin];
  let url = first;
  for (let hop = 0; hop < 4; hop += 1) {
    const location = (await ask(cx, url, true)).headers.get('location');
    if (!location) throw new Refusal(502, 'gateway_invalid_reply', 'no valid reply');
    const target = new URL(location, url);
    if (!own.includes(target.origin)) {
      const headers = { ...SAFE, location, 'request-id': cx.id, 'cache-control': 'no-store' };
      return new Response(null, { status: 302, headers });
    }
    url = target.href;
  }
  throw new Refusal(502, 'gateway_invalid_reply', 'no valid reply');
}

function payment(cx) {
  required(cx.params, 'address', OPAQUE);
  required(cx.params, 'amount', AMOUNT);
  required(cx.params, 'currency', CURRENCY);
  for (const name of ['provider', 'email']) required(cx.params, name, /./);
  return provider(cx, cx.env.GATEWAY_CHECKOUT_URL + cx.url.pathname + cx.url.search);
}

async function dollars(cx, amount, currency) {
  if (currency === 'USD') return amount;
  const kept = memory.rates.get(currency);
  if (!kept || Date.now() - kept.since >= MINUTE) await conversion(cx, currency, '1');
  return amount * memory.rates.get(currency).rate;
}

async function checkout(cx) {
  const amount = required(cx.params, 'amount', AMOUNT);
  const currency = required(cx.params, 'currency', CURRENCY).toUpperCase();
  const [id, email] = ['provider', 'email'].map((name) => required(cx.params, name, /./));
  const listed = (await providers(cx)).find((entry) => entry.id === id);
  if (listed && listed.status !== 'active') throw new Refusal(422, 'provider_unavailable', 'choose another', 'provider');
  if (listed) {
    const least = await dollars(cx, listed.minimum_amount, listed.minimum_currency);
    if ((await dollars(cx, Number(amount), currency)) < least) throw new Refusal(422, 'below_minimum', 'too little', 'amount');
  }
  const { address_in } = await created(cx);
  const order = new URLSearchParams({ amount, provider: id, email, currency });
  return provider(cx, `${cx.env.GATEWAY_CHECKOUT_URL}/process-payment.php?address=${address_in}&${order}`);
}

/** The name is looked for first, and what subdomains it has are found from there: one pattern for both is ten times slower. */
function scrubbed(text, host) {
  let [out, from] = ['', 0];
  for (const { index, 0: name } of text.matchAll(HIDDEN)) {
    let start = index;
    while (start > from && IN_HOST.test(text[start - 1])) start -= 1;
    out += text.slice(from, start) + host;
    from = index + name.length;
  }
  return out + text.slice(from);
}

async function page(cx) {
  const pairs = cx.url.search.slice(1).split('&').filter((pair) => pair && !pair.startsWith('domain='));
  pairs.push(`domain=${cx.env.CHECKOUT_DOMAIN}`);
  const reply = await ask(cx, `${cx.env.GATEWAY_CHECKOUT_URL}/pay.php?${pairs.join('&')}`, true);
  const headers = new Headers({ ...SAFE, 'request-id': cx.id });
  for (const name of TO_CUSTOMER) {
    const value = reply.headers.get(name);
    if (value !== null) headers.set(name, scrubbed(value, cx.env.CHECKOUT_DOMAIN));
  }
  const text = await reply.text();
  return new Response(scrubbed(text, cx.env.CHECKOUT_DOMAIN), { status: reply.status, headers });
}
