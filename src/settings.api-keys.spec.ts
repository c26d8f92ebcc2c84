import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigError, readApiKeys, readConfig } from './config.js';
import { keyId } from './settings.api-keys.js';

const HASH = '0123456789abcdef'.repeat(4);
const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;

describe('the API keys that are set', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'agreement-keys-'));
    file = join(folder, 'api-keys');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const faults = (variables: Record<string, string>): readonly string[] => {
    try {
      readApiKeys(variables);
      return [];
    } catch (error) {
      return (error as ConfigError).faults;
    }
  };

  it('may come from a file, whose name is kept then', () => {
    writeFileSync(file, `shop:${HASH},\n bank:${HASH}:read\n`);
    expect(readApiKeys({ API_KEYS_FILE: file })?.map(({ client }) => client)).toEqual(['shop', 'bank']);
    const config = (variables: Record<string, string>) =>
      readConfig({ OTP_KEYS: KEY, CONTACT_KEYS: KEY, ...variables }).apiKeysFile;
    expect(config({ API_KEYS_FILE: file })).toBe(file);
    expect([config({ API_KEYS: `shop:${HASH}` }), config({ API_KEYS_FILE: '' }), config({})]).toEqual([
      ...[undefined, undefined, undefined],
    ]);
  });

  it.each(['', '\n', '\r\n'])('are not none where their file is empty: that would let everybody in (%j)', (text) => {
    writeFileSync(file, text);
    expect(faults({ API_KEYS_FILE: file })).toEqual(['API_KEYS_FILE: the file holds no key']);
  });

  it('are named by their place where they are malformed, never by what they are', () => {
    const given = `shop:${HASH},CANARY,bank:${HASH}:CANARY,bank:${HASH}`;
    expect(faults({ API_KEYS: given })).toEqual([
      'API_KEYS: must be client:sha256-hex[:scope+scope], comma-separated; see entry 2, 3',
    ]);
  });

  it('are called by the beginning of their hash', () => {
    expect(readApiKeys({ API_KEYS: `shop:${HASH.toUpperCase()}` })?.map(keyId)).toEqual(['01234567']);
  });
});
