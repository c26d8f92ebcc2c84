import type { Environment } from './environment.js';
import { Secret } from './secret.js';
import type { Config, NamedKey } from './settings.js';

/**
 * The keys of codes and of contacts; none where a variable is not set. What production does not take: keys that nobody
 * drew at random, and one key in two places, where losing it in the one would be losing it in the other.
 */
export function keySettings(env: Environment, production: boolean): Partial<Pick<Config, 'otpKeys' | 'contactKeys'>> {
  const otpKeys = keyRing(env, 'OTP_KEYS') ?? [];
  const contactKeys = keyRing(env, 'CONTACT_KEYS') ?? [];
  if (production) {
    checkRing(env, 'OTP_KEYS', otpKeys);
    checkRing(env, 'CONTACT_KEYS', contactKeys);
    const shared = contactKeys.some((key) => otpKeys.some((other) => sameKey(key, other)));
    if (shared) env.fault('CONTACT_KEYS', 'must hold no key of OTP_KEYS');
  }
  return { ...(otpKeys.length > 0 ? { otpKeys } : {}), ...(contactKeys.length > 0 ? { contactKeys } : {}) };
}

/** Entries `id:base64`, unchecked. */
export function namedKeys(text: string): NamedKey[] {
  return text.split(',').map((entry) => {
    const [id = '', secret = ''] = entry.trim().split(':');
    return { id, secret: new Secret(Buffer.from(secret, 'base64')) };
  });
}

/** None where the variable is not set. */
export function keyRing(env: Environment, name: string): readonly NamedKey[] | undefined {
  const expected = 'id:base64[,id:base64], each key of 32 bytes or more and each id once';
  return env.parsed(name, expected, (text) => {
    const wellFormed = text.split(',').every((entry) => /^[\w.-]{1,64}:[A-Za-z0-9+/]{43,}={0,2}$/.test(entry.trim()));
    const keys = namedKeys(text);
    const ids = new Set(keys.map((key) => key.id));
    return wellFormed && ids.size === keys.length ? keys : undefined;
  });
}

function checkRing(env: Environment, name: string, keys: readonly NamedKey[]): void {
  const weak = keys.flatMap((key, index) => (isRandom(key.secret.reveal()) ? [] : [index + 1]));
  if (weak.length > 0) {
    env.fault(name, `must be random, as openssl rand -base64 32 makes them; see key ${weak.join(', ')}`);
  }
  if (keys.some((key, index) => keys.slice(0, index).some((other) => sameKey(key, other)))) {
    env.fault(name, 'must not hold one key under two ids');
  }
}

function sameKey(one: NamedKey, other: NamedKey): boolean {
  return one.secret.reveal().equals(other.secret.reveal());
}

/**
 * False for what was typed as an example: a few bytes repeated, or counted up. Of 32 random bytes fewer than 10 are
 * different once in 10³⁰; random text in hex, with its 16 digits, passes too.
 */
function isRandom(bytes: Buffer): boolean {
  const steps = new Set(bytes.subarray(1).map((byte, index) => byte - (bytes[index] ?? 0)));
  return new Set(bytes).size >= 10 && steps.size > 2;
}
