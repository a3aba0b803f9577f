// The programs of docs/webhooks.md, as they are written there, each on a port of its own.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { answers, environment, inProject, stop, tied } from '../../tools/process.mjs';
import { freePort } from '../../tools/local.mjs';
import { hasPythonPackages, pythonPath } from '../../tools/setup.mjs';

const document = readFileSync(inProject('docs', 'webhooks.md'), 'utf8');

/** What stands under that heading of docs/webhooks.md. */
export function section(heading) {
  const found = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found, `docs/webhooks.md has no heading ${heading}`);
  return found;
}

/** The only block of code of that language under that heading. */
export function block(heading, language) {
  const blocks = [...section(heading).matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter((found) => found[1] === language);
  assert.equal(blocks.length, 1, `blocks of ${language} under ${heading}`);
  return blocks[0][2];
}

const onPath = (name) => environment.PATH.split(delimiter).map((folder) => join(folder, name)).find((path) => existsSync(path));

/** What each language is written as, what runs it, and what to do where that is missing. */
export const LANGUAGES = [
  { name: 'Node.js', fence: 'js', file: 'webhook.mjs', command: (file) => [process.execPath, file], found: () => true },
  {
    name: 'Python',
    fence: 'python',
    file: 'webhook.py',
    command: (file) => [pythonPath, file],
    found: hasPythonPackages,
    missing: 'Python 3 with its module venv, before the set-up',
  },
  {
    name: 'PHP',
    fence: 'php',
    file: 'webhook.php',
    command: (file, port) => ['php', '-S', `127.0.0.1:${port}`, file],
    found: () => onPath('php'),
    missing: 'PHP 7 or newer (php-cli)',
  },
];

/** Whether the language is there. Where it is not the test is skipped, except under CI, where it must run. */
export function has({ name, found, missing }, test) {
  if (found()) return true;
  const message = `the ${name} program of docs/webhooks.md needs ${missing}`;
  if (process.env.CI) throw new Error(message);
  test.skip(message);
  return false;
}

/** Starts the program with that secret, on that port. */
export async function startProgram({ name, fence, file, command }, secret, port) {
  const folder = mkdtempSync(join(tmpdir(), 'livery-webhook-'));
  writeFileSync(join(folder, file), block('Verify', fence));
  symlinkSync(inProject('node_modules'), join(folder, 'node_modules'));
  const env = { WEBHOOK_SECRET: secret, PORT: String(port) };
  const [runtime, ...args] = command(join(folder, file), port);
  const child = tied(runtime, args, { cwd: folder, env, stdout: 'ignore', stderr: 'ignore' });
  const end = () => stop(child).finally(() => rmSync(folder, { recursive: true, force: true }));
  const url = `http://127.0.0.1:${port}/`;
  try {
    await answers(url, child, `the ${name} program`);
    return { url, stop: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Programs that run already, by language and secret. */
export class Programs {
  running = new Map();

  /** What the program with that secret answers to a webhook. */
  async answer(language, secret, { headers, body }) {
    const which = `${language.name} ${secret}`;
    if (!this.running.has(which)) this.running.set(which, freePort().then((port) => startProgram(language, secret, port)));
    const { url } = await this.running.get(which);
    const answer = await fetch(url, { method: 'POST', headers, body });
    return { status: answer.status, text: await answer.text() };
  }

  async stop() {
    const started = await Promise.allSettled(this.running.values());
    await Promise.all(started.map(({ value }) => value?.stop()));
  }
}
