// A Chromium for the page tests. Without one they are skipped, except under CI, where they must run.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { startIsolated } from '../support/local.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MISSING = 'browser tests need Chrome or Chromium: install one, or set CHROME_PATH';

/** Starts a browser, Livery and the sandbox; null, after skipping the test, if this machine has no browser. */
export async function open(test, settings) {
  const browser = await openBrowser(test);
  if (!browser) return null;
  const local = await startIsolated(settings);
  test.after(() => local.stop());
  return { ...local, browser };
}

/** Starts a browser alone; null, after skipping the test, if this machine has none. */
export async function openBrowser(test) {
  const browser = await launch();
  if (!browser && process.env.CI) throw new Error(MISSING);
  if (!browser) return test.skip(MISSING), null;
  test.after(() => browser.close());
  return browser;
}

async function launch() {
  const options = { headless: true, args: ['--disable-dev-shm-usage', ...unsandboxedAsRoot()] };
  const executablePath = process.env.CHROME_PATH ?? onPath();
  if (executablePath) return chromium.launch({ ...options, executablePath });
  return chromium.launch({ ...options, channel: 'chrome' }).catch(() => null);
}

/** Chromium refuses to run as root otherwise; in containers that is how it runs. */
const unsandboxedAsRoot = () => (process.getuid?.() === 0 ? ['--no-sandbox'] : []);

function onPath() {
  const folders = process.env.PATH.split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
}
