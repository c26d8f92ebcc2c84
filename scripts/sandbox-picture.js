// Makes docs/images/sandbox.png, the phone of /sandbox as it stands in the docs, with Chromium from PATH. On a service that
// was started for it and has no texts yet: `node_modules/.bin/node scripts/sandbox-picture.js http://127.0.0.1:3000`.
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const [url = 'http://127.0.0.1:3000'] = process.argv.slice(2);
const PICTURE = 'docs/images/sandbox.png';

/** @param {string} path */
async function call(path, method, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
}

const create = (phone) => call('/v1/agreement', 'POST', { id_hash: 'customer-1042', phone, locale: 'en' });

const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1120, height: 760 }, locale: 'en-GB', colorScheme: 'light' });
  await page.goto(`${url}/sandbox`);
  await create('+79161234567');
  await page.locator('.message').first().waitFor();
  await call('/sandbox/switches', 'PUT', { undelivered: true });
  await create('+79161234568');
  await page.locator('.message.lost').waitFor();
  await page.locator('#undelivered:checked').waitFor();
  // What moves comes to rest.
  await delay(500);
  await page.screenshot({ path: PICTURE });
  await call('/sandbox/switches', 'PUT', { undelivered: false });
} finally {
  await browser.close();
}
console.log(PICTURE);
