import type { Environment } from './environment.js';
import { Secret } from './secret.js';
import type { Config } from './settings.js';

/** Numbers that nothing is sent to and whose code is fixed; the code is as secret as any. */
export function testPhones(env: Environment, digits: number): Config['testPhones'] {
  const allowed = env.flag('TEST_PHONES_ALLOWED', false);
  const text = env.text('TEST_PHONES');
  if (text === undefined) return new Map();
  // Whoever knows such a code confirms for anybody: nobody gets there by copying one line of a staging.
  if (!allowed)
    env.fault('TEST_PHONES', 'is refused unless TEST_PHONES_ALLOWED=true: whoever knows these codes can confirm');
  const entries = text.split(',').map((entry) => testPhone(entry, digits));
  const wrong = entries.flatMap((entry, index) => (entry ? [] : [index + 1]));
  if (wrong.length > 0) {
    env.fault(
      'TEST_PHONES',
      `must be +number:code, comma-separated, codes of OTP_LENGTH (${digits}) digits; see entry ${wrong.join(', ')}`,
    );
  }
  const phones = new Map(entries.filter((entry) => entry !== undefined));
  if (wrong.length === 0 && phones.size < entries.length) env.fault('TEST_PHONES', 'must hold each number once');
  return phones;
}

/** Any number of 7 to 15 digits, in use or not: Twilio's magic numbers are none that libphonenumber knows. */
function testPhone(entry: string, digits: number): [string, Secret<string>] | undefined {
  const [typed = '', code = '', ...more] = entry.trim().split(':');
  const number = typed.replaceAll(/[\s().\-–/]/g, '');
  const isCode = /^[0-9]+$/.test(code) && code.length === digits;
  return /^\+[1-9][0-9]{6,14}$/.test(number) && isCode && more.length === 0 ? [number, new Secret(code)] : undefined;
}
