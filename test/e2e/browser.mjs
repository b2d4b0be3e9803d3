// A real browser before the dashboard: Debian's Chromium, headless, an empty profile, no network but this machine's.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// Runs `work` with a context of a new browser.
export async function browsing(work, options = {}) {
  if (!fs.existsSync(executablePath)) throw new Error(`the dashboard is tested in a real browser, and ${executablePath} is not there: tools/setup tests installs it (Debian's package chromium)`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-browser-'));
  const context = await chromium.launchPersistentContext(folder, { executablePath, args, headless: true, viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options });
  try {
    return await work(context);
  } finally {
    await context.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

// Opens the dashboard; `page.wrong` is all that a page must not do: errors, breaches of its policy, words to others.
export async function open(context, url) {
  const page = await context.newPage();
  page.wrong = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && page.wrong.push(message.text()));
  page.on('pageerror', (error) => page.wrong.push(String(error)));
  page.on('request', (request) => new URL(request.url()).origin !== new URL(url).origin && page.wrong.push(`asks ${request.url()}`));
  await page.exposeFunction('noteBreach', (what) => page.wrong.push(what));
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => window.noteBreach(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  await page.goto(url + '/');
  await page.locator('#link[data-state=live]').waitFor();
  return page;
}
export const clean = (page) => assert.deepEqual(page.wrong, []);
export const server = (page, name) => page.locator(`.row[data-server="${name}"]`);
export const endpoint = (page, replica, name = 'weather') => server(page, name).locator(`.endpoint[data-endpoint="${replica.url ?? replica}"]`);
