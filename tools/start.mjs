// `npm start`: the Worker in front of the sandbox gateway, and links to click. Ctrl-C ends it all.
import { build } from './build.mjs';
import { checkoutLink, fileSettings } from './link.mjs';
import { buildSandbox, startLocal } from './local.mjs';
import { Failure, say, script, tryPort } from './process.mjs';

const PORTS = {
  livery: { variable: 'LIVERY_PORT', usual: 8787 },
  api: { variable: 'SANDBOX_API_PORT', usual: 8701 },
  checkout: { variable: 'SANDBOX_CHECKOUT_PORT', usual: 8702 },
  provider: { variable: 'SANDBOX_PROVIDER_PORT', usual: 8703 },
  shop: { variable: 'SANDBOX_SHOP_PORT', usual: 8704 },
};
const DEMO_WALLET = '0xF977814e90dA44bFA03b6295A0616a897441aceC';

async function start() {
  const ports = await choosePorts();
  build();
  buildSandbox();
  const local = await startLocal({ ports, settings: { ALLOW_UNSIGNED_LINKS: 'true' } });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => local.stop());
  say(invitation(local));
  await local.ended;
  await local.stop();
}

async function choosePorts() {
  const ports = {};
  for (const [name, { variable, usual }] of Object.entries(PORTS)) {
    ports[name] = Number(process.env[variable] ?? usual);
    if (await tryPort(ports[name])) continue;
    throw new Failure(`port ${ports[name]} is taken: stop what uses it, or choose another one with ${variable}=…`);
  }
  return ports;
}

function invitation({ livery, sandbox }) {
  const settings = { ...fileSettings(), CHECKOUT_DOMAIN: new URL(livery).host };
  const order = {
    amount: '25.00',
    currency: 'EUR',
    email: 'ada@example.com',
    callback: `${sandbox.shop}/orders.php?number=${Date.now()}`,
    ...(settings.PAYOUT_WALLET ? {} : { address: DEMO_WALLET }),
  };
  return `ready. Click one, and Ctrl-C to stop:

  pay with MoonPay     ${checkoutLink(settings, { ...order, provider: 'moonpay' })}

  choose a provider    ${checkoutLink(settings, { ...order, mode: 'hosted' })}

  the demo shop        ${sandbox.shop}
`;
}

await script(import.meta.url, start);
