import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { readConfig } from '../config.js';
import { ApiKeys } from './api-keys.js';
import { ApiKeysFile } from './api-keys-file.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;

describe('the look at the file of the API keys', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'agreement-keys-'));
    file = join(folder, 'api-keys');
    writeFileSync(file, `shop:${'ab'.repeat(32)}`);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  /** Begins and ends it; gives the timers that it made between. */
  const timersOf = (env: Record<string, string>, work: (looks: ApiKeysFile) => void): NodeJS.Timeout[] => {
    const config = readConfig({
      ...{ OTP_KEYS: KEY, CONTACT_KEYS: KEY, DATABASE_URL: 'postgresql://localhost/x', KAFKA_BROKERS: 'localhost:1' },
      ...env,
    });
    const made = jest.spyOn(globalThis, 'setTimeout');
    const looks = new ApiKeysFile(config, pino({ level: 'silent' }), new ApiKeys(config));
    looks.onApplicationBootstrap();
    const timers = made.mock.results.map(({ value }) => value as NodeJS.Timeout);
    work(looks);
    looks.onApplicationShutdown();
    return timers;
  };

  it('is taken twice a second in a process with the role api, and keeps no process alive', () => {
    const timers = timersOf({ API_KEYS_FILE: file, ROLES: 'api' }, () => undefined);
    expect(timers.map((timer) => timer.hasRef())).toEqual([false]);
    expect(jest.mocked(setTimeout).mock.calls.map(([, milliseconds]) => milliseconds)).toEqual([500]);
  });

  it('is taken in no other process, and not where the keys come from no file', () => {
    expect(timersOf({ API_KEYS_FILE: file, ROLES: 'relay,worker' }, () => undefined)).toEqual([]);
    expect(timersOf({ API_KEYS: `shop:${'ab'.repeat(32)}` }, () => undefined)).toEqual([]);
    expect(timersOf({}, () => undefined)).toEqual([]);
  });
});
