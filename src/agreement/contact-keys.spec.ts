import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ContactKeys } from './contact-keys.js';

const FIRST = { id: 'first', secret: Buffer.alloc(32, 1) };
const SECOND = { id: 'second', secret: Buffer.alloc(32, 2) };
const PHONE = '+79161234567';

describe('the pseudonym of a contact', () => {
  it('is equal for equal contacts and says which key made it', () => {
    const keys = new ContactKeys([FIRST, SECOND]);

    expect(keys.hash(PHONE)).toEqual(keys.hash(PHONE));
    expect(keys.hash(PHONE).keyId).toBe('first');
    expect(keys.hash('+79161234568').hash).not.toEqual(keys.hash(PHONE).hash);
  });

  it('is another one under another key', () => {
    expect(new ContactKeys([SECOND, FIRST]).hash(PHONE).keyId).toBe('second');
    expect(new ContactKeys([SECOND]).hash(PHONE).hash).not.toEqual(new ContactKeys([FIRST]).hash(PHONE).hash);
  });

  it('is looked for under every key, the current one first', () => {
    const keys = new ContactKeys([SECOND, FIRST]);

    expect(keys.hashes(PHONE)).toEqual([SECOND, FIRST].map((key) => new ContactKeys([key]).hash(PHONE).hash));
  });

  it('cannot be guessed by hashing all numbers: it is a keyed hash', () => {
    const { hash } = new ContactKeys([FIRST]).hash(PHONE);

    expect(hash).toEqual(createHmac('sha256', FIRST.secret).update(`contact${PHONE}`).digest());
    expect(hash).not.toEqual(createHash('sha256').update(PHONE).digest());
  });

  it('needs a key', () => {
    expect(() => new ContactKeys([])).toThrow('at least one contact key is needed');
  });
});
