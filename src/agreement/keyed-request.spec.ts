import { describe, expect, it } from '@jest/globals';
import { Secret } from '../secret.js';
import { type KeyedRequest, RequestKeys } from './keyed-request.js';

const OLD = { id: 'old', secret: Buffer.alloc(32, 1) };
const NEW = { id: 'new', secret: Buffer.alloc(32, 2) };

const request = (content: string, key = 'k1'): KeyedRequest => {
  return { client: 'shop', key, status: 200, content: () => new Secret(content) };
};

describe('the fingerprint of a request', () => {
  it('is known again by the same content, whatever the key, and by no other', () => {
    const keys = new RequestKeys([OLD]);
    const fingerprint = keys.fingerprint(request('["POST","/v1"]'));

    expect(fingerprint.keyId).toBe('old');
    expect(fingerprint.hash).toHaveLength(32);
    expect(keys.matches(request('["POST","/v1"]', 'k2'), fingerprint)).toBe(true);
    for (const content of ['["POST","/v1"] ', '["POST","/v2"]', '']) {
      expect(keys.matches(request(content), fingerprint)).toBe(false);
    }
  });

  it('is another one under another key', () => {
    const [one, other] = [OLD, NEW].map((key) => new RequestKeys([key]).fingerprint(request('a')).hash);

    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(false);
  });

  it('is known through a rotation: made by the first key, checked by the one that made it', () => {
    const before = new RequestKeys([OLD]).fingerprint(request('a'));
    const during = new RequestKeys([NEW, OLD]);

    expect(during.fingerprint(request('a')).keyId).toBe('new');
    expect(during.matches(request('a'), before)).toBe(true);
    expect(during.matches(request('b'), before)).toBe(false);
  });

  it('is nobody’s once the key that made it is gone', () => {
    const before = new RequestKeys([OLD]).fingerprint(request('a'));

    expect(new RequestKeys([NEW]).matches(request('a'), before)).toBe(false);
    expect(new RequestKeys([{ ...NEW, id: 'old' }]).matches(request('a'), before)).toBe(false);
  });

  it('cannot be made without a key', () => {
    expect(() => new RequestKeys([])).toThrow('at least one contact key');
  });
});
