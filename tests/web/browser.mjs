// Chromium without a window, driven by puppeteer-core, and a count of what holds.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A package of npm's, from the folder into which run.sh installed it. */
export function packageOf(name, modules) {
  return createRequire(path.join(modules, 'package.json'))(name);
}

/**
 * Starts Chromium with a profile of its own, which goes away with it.
 *
 * @param flags further ones
 * @returns {{browser, close}}
 */
export async function launch({ chromium, modules, flags = [] }) {
  const { launch: start } = packageOf('puppeteer-core', modules);
  const profile = mkdtempSync(path.join(os.tmpdir(), 'fovea-chromium-'));
  const browser = await start({
    executablePath: chromium,
    headless: true,
    args: [...FLAGS, ...flags, `--user-data-dir=${profile}`],
    protocolTimeout: 600_000,
  });
  const close = async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { browser, close };
}

/**
 * Collects what a page complains of: messages of its console, exceptions, requests that fail.
 *
 * @returns {string[]} grows as they come
 */
export function complaintsOf(page) {
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warn', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => {
    complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  return complaints;
}

/** Counts checks, and says at once which one fails and why. */
export class Checks {
  passed = 0;
  failed = 0;

  /** holds: a boolean; why: what to print when it is false. */
  check(what, holds, why = '') {
    if (holds) this.passed++;
    else this.failed++;
    const told = holds ? '' : `: ${typeof why === 'string' ? why : JSON.stringify(why)}`;
    console.log(`${holds ? 'ok     ' : 'FAILED '} ${what}${told}`);
  }

  /** A check that is a whole block: what it throws is a failure as well. */
  async block(what, body) {
    try {
      await body();
    } catch (error) {
      this.check(what, false, String(error?.stack ?? error));
    }
  }

  note(text) {
    console.log(`        ${text}`);
  }

  report() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
