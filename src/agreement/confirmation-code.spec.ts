import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Secret } from '../secret.js';
import { CodeKeys, type CodeSubject, UnknownCodeKey } from './confirmation-code.js';

const SECRET = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const NONCE = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const SUBJECT: CodeSubject = {
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  generation: 1,
  documentSha256: '5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5',
};
const OTHER_REFERENCE = '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f51';
const OTHER_DOCUMENT = `4${SUBJECT.documentSha256.slice(1)}`;
const KEYS = keys();

function keys({ secret = SECRET, length = 6 } = {}): CodeKeys {
  return new CodeKeys([{ id: 'first', secret }], length);
}

/** Gives codes without a look at what was recorded of them: a quarter of the work, which counts over 100 000. */
class TrustingKeys extends CodeKeys {
  override matches(): boolean {
    return true;
  }

  codeOf(subject: CodeSubject, nonce: Buffer): string {
    return this.open(subject, { keyId: 'first', nonce, hash: Buffer.alloc(0) }).reveal();
  }
}

const TRUSTING = new TrustingKeys([{ id: 'first', secret: SECRET }], 6);

/** Sixteen bytes that differ for each number; the codes of these tests are always the same ones. */
function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(16);
  nonce.writeUInt32BE(number, 12);
  return nonce;
}

describe('a code', () => {
  // Computed by another program: hmac and hashlib of Python.
  it.each([
    [1, 6, '175877', '09a297cfba1e1d13d3dadfaa47c522516bb8df719fe3abbc4922ec1849d5f2e5'],
    [2, 8, '47584730', '471d4fdd754cfff6544ea01e0ee92cbf1844c12fc77f69ccacdd4e5869c550d8'],
    [0x01020304, 6, '005603', '42c82a8474d577d5cad8258a9396ae8f44c8c091e373a84a41e5df2fbc846f1b'],
    [0x01020304, 10, '0940005603', '32d9a639187f2c3b9cf2a2104c3978d521dea367afa6f8a5eab376d1b34f2151'],
  ])('of generation %i with %i digits is %s', (generation, length, code, hash) => {
    const ring = keys({ length });
    const seal = ring.seal({ ...SUBJECT, generation }, NONCE);

    expect(ring.open({ ...SUBJECT, generation }, seal).reveal()).toBe(code);
    expect(seal).toEqual({ keyId: 'first', nonce: NONCE, hash: Buffer.from(hash, 'hex') });
  });

  it('is the HMAC of nonce, reference, generation and document under a subkey by HKDF, modulo ten to its length', () => {
    const hmac = (key: Buffer, ...parts: Buffer[]): Buffer =>
      createHmac('sha256', key).update(Buffer.concat(parts)).digest();
    const text = (value: string): Buffer => Buffer.from(value, 'latin1');
    // RFC 5869 without salt, for one block of output.
    const subkey = (use: string): Buffer => hmac(hmac(Buffer.alloc(32), SECRET), text(`agreement code: ${use}\x01`));
    const subject = Buffer.from(`019aa3b25c1e7d309f4a6b1c2d3e4f5000000001${SUBJECT.documentSha256}`, 'hex');
    const number = BigInt(`0x${hmac(subkey('derive'), NONCE, subject).toString('hex')}`) % 1_000_000n;
    const code = String(number).padStart(6, '0');

    const seal = KEYS.seal(SUBJECT, NONCE);

    expect(KEYS.open(SUBJECT, seal).reveal()).toBe(code);
    expect(seal.hash).toEqual(hmac(subkey('compare'), subject, text(code)));
  });

  it('is matched by its own digits alone', () => {
    const seal = KEYS.seal(SUBJECT, NONCE);

    expect(KEYS.matches(SUBJECT, seal, new Secret('175877'))).toBe(true);
    for (const guess of ['175878', '075877', '17587', '1758770', ' 175877', '١٧٥٨٧٧', '']) {
      expect(KEYS.matches(SUBJECT, seal, new Secret(guess))).toBe(false);
    }
  });

  it('does not match for another agreement, generation or document', () => {
    const seal = KEYS.seal(SUBJECT, NONCE);

    for (const change of [{ reference: OTHER_REFERENCE }, { generation: 2 }, { documentSha256: OTHER_DOCUMENT }]) {
      expect(KEYS.matches({ ...SUBJECT, ...change }, seal, new Secret('175877'))).toBe(false);
    }
  });

  it('is compared in constant time, which alone refuses to compare lengths that differ', () => {
    const seal = KEYS.seal(SUBJECT, NONCE);
    const cut = { ...seal, hash: seal.hash.subarray(0, 31) };

    const refusal = expect.objectContaining({ code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH' });
    expect(() => KEYS.matches(SUBJECT, cut, new Secret('175877'))).toThrow(refusal);
  });

  it('keeps its leading zeros', () => {
    const codes = Array.from({ length: 1000 }, (_, number) => TRUSTING.codeOf(SUBJECT, nonceOf(number)));

    expect(codes.every((code) => /^\d{6}$/.test(code))).toBe(true);
    expect(codes.filter((code) => code.startsWith('00')).length).toBeGreaterThan(0);
  });
});

describe('the codes together', () => {
  it('are uniform over 100 000, digit by digit and by the thousand', () => {
    const codes = Array.from({ length: 100_000 }, (_, number) => TRUSTING.codeOf(SUBJECT, nonceOf(number)));

    for (let place = 0; place < 6; place += 1) {
      expect(
        chiSquare(
          codes.map((code) => Number(code[place])),
          10,
        ),
      ).toBeLessThan(highest(9));
    }
    expect(
      chiSquare(
        codes.map((code) => Math.floor(Number(code) / 1000)),
        1000,
      ),
    ).toBeLessThan(highest(999));
    expect(
      chiSquare(
        codes.map((code) => Number(code) % 1000),
        1000,
      ),
    ).toBeLessThan(highest(999));
  });

  it.each(others())('tell nothing of those of $what', ({ subject, nonce, ring }) => {
    const differences = Array.from({ length: 2000 }, (_, number) => {
      const mine = Number(TRUSTING.codeOf(SUBJECT, nonceOf(number)));
      const theirs = Number(ring.codeOf(subject, nonce(number)));
      return (mine - theirs + 1_000_000) % 1_000_000;
    });

    expect(differences.filter((difference) => difference === 0).length).toBeLessThan(2);
    expect(
      chiSquare(
        differences.map((difference) => Math.floor(difference / 100_000)),
        10,
      ),
    ).toBeLessThan(highest(9));
    expect(
      chiSquare(
        differences.map((difference) => difference % 10),
        10,
      ),
    ).toBeLessThan(highest(9));
  });
});

describe('the keys', () => {
  const OLD = { id: 'first', secret: SECRET };
  const NEW = { id: 'second', secret: Buffer.alloc(32, 9) };

  it('make new codes with the first one, and still know those of the others', () => {
    const seal = KEYS.seal(SUBJECT, NONCE);
    const rotated = new CodeKeys([NEW, OLD], 6);

    expect(rotated.seal(SUBJECT, NONCE).keyId).toBe('second');
    expect(rotated.open(SUBJECT, rotated.seal(SUBJECT, NONCE)).reveal()).not.toBe('175877');
    expect(rotated.open(SUBJECT, seal).reveal()).toBe('175877');
    expect(rotated.matches(SUBJECT, seal, new Secret('175877'))).toBe(true);
    expect(rotated.matches(SUBJECT, seal, new Secret('175878'))).toBe(false);
  });

  it('say by id which one is missing', () => {
    const seal = KEYS.seal(SUBJECT, NONCE);
    const replaced = new CodeKeys([NEW], 6);

    expect(() => replaced.open(SUBJECT, seal)).toThrow(new UnknownCodeKey('first'));
    expect(() => replaced.matches(SUBJECT, seal, new Secret('175877'))).toThrow(UnknownCodeKey);
    expect(new UnknownCodeKey('first').message).toBe('no OTP key with the id first is configured');
  });

  it('refuse to give a code that does not fit what was recorded, and still match it', () => {
    const seal = KEYS.seal(SUBJECT, NONCE);
    const longer = keys({ length: 8 });

    expect(() => longer.open(SUBJECT, seal)).toThrow('the derived code does not fit what was recorded');
    expect(longer.matches(SUBJECT, seal, new Secret('175877'))).toBe(true);
    expect(() => keys({ secret: NEW.secret }).open(SUBJECT, seal)).toThrow('does not fit');
  });

  it('are at least one', () => {
    expect(() => new CodeKeys([], 6)).toThrow('at least one OTP key is needed');
  });
});

/** What differs from SUBJECT, its nonces and its key in one thing each. */
function others(): {
  what: string;
  subject: CodeSubject;
  nonce: (number: number) => Buffer;
  ring: TrustingKeys;
}[] {
  const same = { subject: SUBJECT, nonce: nonceOf, ring: TRUSTING };
  return [
    { ...same, what: 'another agreement', subject: { ...SUBJECT, reference: OTHER_REFERENCE } },
    { ...same, what: 'the next generation', subject: { ...SUBJECT, generation: 2 } },
    { ...same, what: 'another document', subject: { ...SUBJECT, documentSha256: OTHER_DOCUMENT } },
    { ...same, what: 'another nonce', nonce: (number: number) => nonceOf(number + 1_000_000) },
    { ...same, what: 'another key', ring: new TrustingKeys([{ id: 'first', secret: Buffer.alloc(32, 9) }], 6) },
  ];
}

function chiSquare(values: readonly number[], buckets: number): number {
  const counts = new Array<number>(buckets).fill(0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  const expected = values.length / buckets;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** What a fair source exceeds once in 10 000 samples (Wilson and Hilferty's approximation of χ²). */
function highest(freedom: number): number {
  const part = 2 / (9 * freedom);
  return freedom * (1 - part + 3.719 * Math.sqrt(part)) ** 3;
}
