// Shows the whole way of one agreement on a running service, or on one that it starts for itself: `npm run demo`.
import { spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: process.env['AGREEMENT_URL'] ?? 'http://127.0.0.1:3000' },
    key: { type: 'string', default: process.env['AGREEMENT_KEY'] },
  },
});
const DOCUMENT = 'I agree to the processing of my name and phone number by Example Ltd. for delivering my order.';
const SMS_WITHIN = 10_000;

const headers = {
  'content-type': 'application/json',
  'accept-language': 'en',
  ...(options.key ? { authorization: `Bearer ${options.key}` } : {}),
};

/** @param {string} url */
async function call(url, method = 'GET', body = undefined) {
  const response = await fetch(url, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const answer = await response.json();
  if (!response.ok)
    throw new Error(`${method} ${url} answered ${response.status}: ${answer.detail ?? 'no reason given'}`);
  return answer;
}

async function isThere(url) {
  try {
    return (await fetch(`${url}/sandbox/messages`, { headers })).ok;
  } catch {
    return false;
  }
}

/** A service of its own, with data that are thrown away afterwards. */
async function startOwn() {
  const dataDir = await mkdtemp(join(tmpdir(), 'agreement-demo-'));
  const env = { ...process.env, PORT: '0', DATA_DIR: dataDir };
  const child = spawn(process.execPath, ['dist/main.js'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url, reason } = JSON.parse(line);
    if (msg === 'ready') return { url, stop };
    if (reason) console.error(`  ${reason}`);
  }
  await stop();
  throw new Error('The service did not start; see above.');
}

async function smsTo(url, phone) {
  const deadline = Date.now() + SMS_WITHIN;
  while (Date.now() < deadline) {
    const { messages } = await call(`${url}/sandbox/messages?phone=${encodeURIComponent(phone)}`);
    if (messages.length > 0) return messages[0];
    await delay(50);
  }
  throw new Error(`No text came within ${SMS_WITHIN / 1000} s. Is the service's SMS provider the sandbox?`);
}

function show(title, lines) {
  console.log(`\n${title}`);
  for (const line of lines) console.log(`   ${line}`);
}

async function walk(url) {
  const phone = `+7916${String(randomInt(10_000_000)).padStart(7, '0')}`;
  const document = { id: 'order-consent', version: '1', sha256: createHash('sha256').update(DOCUMENT).digest('hex') };
  const request = { id_hash: `customer-${randomInt(1_000_000)}`, phone, document, locale: 'en' };
  show('1. Ask for the agreement', ['POST /v1/agreement', JSON.stringify(request)]);
  const created = await call(`${url}/v1/agreement`, 'POST', request);
  show('   201', [`reference ${created.reference}`, `status    ${created.status}`]);

  const sms = await smsTo(url, phone);
  show(`2. The phone ${phone} receives`, [`"${sms.text}"`]);

  const [code] = sms.text.match(/\d{6,10}/);
  show('3. The person types the code', [`POST /v1/agreement/${created.reference}`, JSON.stringify({ code })]);
  const confirmed = await call(`${url}/v1/agreement/${created.reference}`, 'POST', { code });
  show('   200', [
    `status       ${confirmed.status}`,
    `confirmed_at ${confirmed.confirmed_at}`,
    `document     ${confirmed.document.id} ${confirmed.document.version} sha256:${confirmed.document.sha256.slice(0, 16)}…`,
    `phone        ${confirmed.phone}`,
  ]);
}

try {
  const running = await isThere(options.url);
  console.log(
    running ? `Using the service at ${options.url}` : `Nothing at ${options.url}; starting a service for the demo`,
  );
  const service = running ? { url: options.url, stop: async () => {} } : await startOwn();
  try {
    await walk(service.url);
  } finally {
    await service.stop();
  }
  console.log('\nDone.');
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`);
  process.exitCode = 1;
}
