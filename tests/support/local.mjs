// Livery and the sandbox for tests: on free ports, with settings that do not depend on the developer's own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, startLocal } from '../../tools/local.mjs';

const SIGNING_KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

/** The signing key, as a page might show it; the Rust tests look for all secrets in all disguises. */
const KEY = Buffer.from(SIGNING_KEY, 'base64');
const SHOWN = [KEY.toString('base64').replace(/=+$/, ''), KEY.toString('base64url'), KEY.toString('hex'), KEY.join(',')].map((text) => text.toLowerCase());

/** Whether a text shows the signing key. */
export const showsSecret = (text) => SHOWN.some((secret) => text.toLowerCase().replace(/\s/g, '').includes(secret));

/** As `startLocal`; the test's settings replace .dev.vars. */
export async function startIsolated(settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'livery-test-'));
  const file = join(folder, 'settings');
  writeFileSync(file, '');
  try {
    const local = await startLocal({
      ports: await freePorts(),
      settings: { SIGNING_KEY, ALLOW_UNSIGNED_LINKS: 'true', ...settings },
      options: ['--env-file', file, '--persist-to', folder],
      env: { XDG_CONFIG_HOME: folder },
      quiet: true,
    });
    return { ...local, stop: () => local.stop().then(() => remove(folder)) };
  } catch (error) {
    remove(folder);
    throw error;
  }
}

const remove = (folder) => rmSync(folder, { recursive: true, force: true });
