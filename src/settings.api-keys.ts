import type { Environment } from './environment.js';
import { type ApiKey, type Config, type Scope, SCOPES } from './settings.js';

/** What a client may be called. */
export const CLIENT_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** What a key may do whose entry names nothing. */
export const DEFAULT_SCOPES: readonly Scope[] = ['create', 'confirm', 'read'];

/** Who may call; none where nothing is set. A file that holds no key is a fault: it would let everybody in. */
export function apiKeySettings(env: Environment, file = ''): Pick<Config, 'apiKeys' | 'apiKeysFile'> {
  const apiKeys = keysIn(env);
  const alreadyNamed = env.faults.some((fault) => fault.startsWith('API_KEYS'));
  if (file && !apiKeys && !alreadyNamed) env.fault('API_KEYS_FILE', 'the file holds no key');
  return { apiKeys, apiKeysFile: file || undefined };
}

function keysIn(env: Environment): readonly ApiKey[] | undefined {
  const text = env.text('API_KEYS');
  if (text === undefined) return undefined;
  const keys = text.split(',').map((entry) => apiKey(entry.trim()));
  if (keys.every((key) => key !== undefined)) return keys;
  const wrong = keys.flatMap((key, index) => (key ? [] : [index + 1]));
  env.fault('API_KEYS', `must be client:sha256-hex[:scope+scope], comma-separated; see entry ${wrong.join(', ')}`);
  return undefined;
}

/** An entry of `API_KEYS`; undefined where it is malformed. */
function apiKey(entry: string): ApiKey | undefined {
  const [client = '', digest = '', names = DEFAULT_SCOPES.join('+'), ...rest] = entry.split(':');
  const scopes = readScopes(names);
  const wellFormed = CLIENT_NAME.test(client) && /^[0-9a-fA-F]{64}$/.test(digest) && rest.length === 0;
  if (!wellFormed || !scopes) return undefined;
  return { client, digest: Buffer.from(digest, 'hex'), scopes: new Set(scopes) };
}

/** Scopes written as `create+read`; undefined where one is unknown. */
export function readScopes(text: string): readonly Scope[] | undefined {
  const scopes = text.split('+').map((name) => SCOPES.find((scope) => scope === name));
  return scopes.every((scope) => scope !== undefined) ? scopes : undefined;
}

/** What a key is called where it must not be shown: the first 8 hex digits of its SHA-256. */
export function keyId({ digest }: Pick<ApiKey, 'digest'>): string {
  return digest.toString('hex', 0, 4);
}
