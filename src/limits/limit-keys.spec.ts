import { createHash } from 'node:crypto';
import { SocketAddress } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LimitKeyRing, prefixOf } from './limit-keys.js';

const FIRST = { secret: Buffer.alloc(32, 1) };
const SECOND = { secret: Buffer.alloc(32, 2) };
const PHONE = '+79161234567';
const NEIGHBOUR = '+79161230000';

const ring = new LimitKeyRing([FIRST]);
const under = (ip: string): readonly string[] => ring.of(PHONE, 'RU', ip).address;

describe('the keys of a text', () => {
  it('are those of its phone, of its prefix, of its address and its country', () => {
    const keys = ring.of(PHONE, 'RU', '192.0.2.1');

    expect(keys).toEqual({
      contact: ring.contact(PHONE),
      prefix: ring.prefix('+7916123'),
      address: [expect.any(String)],
      country: 'RU',
    });
    expect(new Set([...keys.contact, ...keys.prefix, ...keys.address, ...ring.country('RU')]).size).toBe(4);
  });

  it('are none for an address that is not known, and no country for a number of none', () => {
    expect(ring.of(PHONE, null, null)).toMatchObject({ address: [], country: null });
  });

  it('are equal for equal phones and for no others', () => {
    const phone = fc.stringMatching(/^\+[1-9]\d{6,14}$/);

    fc.assert(
      fc.property(phone, phone, (one, other) => {
        const [first, second] = [ring.of(one, null, null), ring.of(other, null, null)];
        expect(first.contact[0] === second.contact[0]).toBe(one === other);
        expect(first.prefix[0] === second.prefix[0]).toBe(prefixOf(one) === prefixOf(other));
      }),
    );
  });

  it('share the prefix with all that differ in the last four digits only', () => {
    const [mine, neighbour] = [ring.of(PHONE, 'RU', null), ring.of(NEIGHBOUR, 'RU', null)];

    expect(neighbour.prefix).toEqual(mine.prefix);
    expect(neighbour.contact).not.toEqual(mine.contact);
    expect(ring.of('+79161244567', 'RU', null).prefix).not.toEqual(mine.prefix);
  });

  it('are whole numbers that a bigint of PostgreSQL holds', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const [key = ''] = ring.contact(text);
        expect(BigInt.asIntN(64, BigInt(key)).toString()).toBe(key);
      }),
    );
  });

  it('cannot be guessed by hashing all numbers: they depend on the secret', () => {
    const plain = createHash('sha256').update(`limit:contact:${PHONE}`).digest().readBigInt64BE().toString();

    expect(ring.contact(PHONE)).not.toEqual(new LimitKeyRing([SECOND]).contact(PHONE));
    expect(ring.contact(PHONE)).not.toEqual([plain]);
  });
});

describe('several secrets', () => {
  it('give a key each, the first one first, so that a rotation forgets nothing that was counted', () => {
    const before = ring.of(PHONE, 'RU', '192.0.2.1');
    const rotating = new LimitKeyRing([SECOND, FIRST]).of(PHONE, 'RU', '192.0.2.1');

    for (const scope of ['contact', 'prefix', 'address'] as const) {
      expect(rotating[scope]).toHaveLength(2);
      expect(rotating[scope][1]).toBe(before[scope][0]);
    }
  });
});

describe('the key of an address', () => {
  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8:1:2::1', '2001:0DB8:0001:0002::1'],
    ['2001:db8::1', '2001:db8:0:0:1::'],
    ['fe80::1', 'fe80::1%eth0'],
    ['::1', '::2'],
    ['1::2:3:4:5:192.0.2.1', '1:0:2:3:4:5:c000:201'],
    ['192.0.2.1', '::ffff:192.0.2.1'],
    ['192.0.2.1', '::FFFF:192.0.2.1'],
    ['192.0.2.1', '::ffff:c000:201'],
    ['192.0.2.1', '0:0:0:0:0:ffff:c000:0201'],
    ['192.0.2.1', '::ffff:192.0.2.1%eth0'],
  ])('is the same for %s and %s', (one, other) => {
    expect(under(other)).toEqual(under(one));
  });

  it.each([
    ['192.0.2.1', '192.0.2.2'],
    ['192.0.2.1', '::ffff:192.0.2.2'],
    ['::ffff:c000:201', '::ffff:c000:202'],
    ['192.0.2.1', '::192.0.2.1'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['2001:db8::1', '2001:db8:0:1::1'],
    ['1::2:3:4:5:192.0.2.1', '1:0:0:2:3:4:c000:201'],
  ])('is another for %s and %s', (one, other) => {
    expect(under(other)).not.toEqual(under(one));
  });

  it('is the same exactly where the first 64 bits are, however the address is written', () => {
    const group = fc.oneof(fc.constantFrom(0, 1, 0xffff), fc.nat(0xffff));
    const groups = fc.array(group, { minLength: 8, maxLength: 8 });

    fc.assert(
      fc.property(groups, groups, fc.boolean(), (one, other, sameNetwork) => {
        const second = sameNetwork ? [...one.slice(0, 4), ...other.slice(4)] : other;
        fc.pre(!isMapped(one) && !isMapped(second));
        const same = String(one.slice(0, 4)) === String(second.slice(0, 4));

        expect(String(under(short(one))) === String(under(long(second)))).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same for an IPv4 address in each form', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const mapped = [0, 0, 0, 0, 0, 0xffff, a * 256 + b, c * 256 + d];

        expect(under(long(mapped))).toEqual(under(address));
        expect(under(short(mapped))).toEqual(under(address));
      }),
    );
  });
});

function long(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':');
}

function short(groups: readonly number[]): string {
  return new SocketAddress({ address: long(groups), family: 'ipv6' }).address;
}

function isMapped(groups: readonly number[]): boolean {
  return groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
}
