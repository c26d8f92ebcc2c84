import { createHash, randomBytes } from 'node:crypto';
import { describe } from '@jest/globals';
import { type Api, otherThan, type SentAgreement } from '../support/api.js';
import type { TestDatabase } from '../support/database.js';
import type { Processes, ServiceProcess } from '../support/process.js';
import { testEnvironment } from '../support/service.js';

/** `describe` for specs that need schemathesis; skipped where it cannot be had, with the reason in the name, but not in CI. */
export function describeWithSchemathesis(name: string, specs: () => void): void {
  const missing = process.env['TEST_SCHEMATHESIS_MISSING'];
  if (missing === undefined || process.env['CI'] === 'true') describe(name, specs);
  else describe.skip(`${name} (skipped: ${missing})`, specs);
}

/** A service to be fuzzed, with a key that may do everything. */
export interface FuzzedService {
  readonly process: ServiceProcess;
  readonly url: string;
  readonly key: string;
  /** Who has the key. */
  readonly api: Api;
}

/** Starts a service as a process. @param main another than the one that is built */
export async function startFuzzed(
  processes: Processes,
  database: TestDatabase,
  main?: string,
  env: Record<string, string> = {},
): Promise<FuzzedService> {
  const key = `agr_${randomBytes(32).toString('base64url')}`;
  const digest = createHash('sha256').update(key).digest('hex');
  const scopes = 'create+confirm+read+admin+operator';
  const more = { API_KEYS: `fuzz:${digest}:${scopes}`, OTP_RESEND_INTERVAL: '0', ...env };
  const started = await processes.start(testEnvironment(database, more), main);
  const { url, api } = await started.ready();
  return { process: started, url, key, api: api.with({ authorization: `Bearer ${key}` }) };
}

/** One agreement in each status that a caller can bring it to, some more of those that wait for a code. */
export async function agreementsOf(api: Api): Promise<string[]> {
  const sent: SentAgreement[] = [];
  for (let index = 0; index < 8; index += 1) sent.push(await api.createAndAwaitCode());
  const [confirmed, withdrawn, cancelled, rejected] = sent as [
    SentAgreement,
    SentAgreement,
    SentAgreement,
    SentAgreement,
  ];
  for (const { reference, code } of [confirmed, withdrawn]) await api.confirm(reference, code);
  await api.post(`/v1/agreement/${withdrawn.reference}/withdraw`);
  await api.post(`/v1/agreement/${cancelled.reference}/cancel`);
  for (let index = 0; index < 3; index += 1) await api.confirm(rejected.reference, otherThan(rejected.code));
  const code = await api.resendAndAwaitCode(rejected);
  for (let index = 0; index < 3; index += 1) await api.confirm(rejected.reference, otherThan(code));
  return sent.map(({ reference }) => reference);
}
