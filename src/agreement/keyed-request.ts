import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../secret.js';

/** A request that its caller may send again: it came with an Idempotency-Key. */
export interface KeyedRequest {
  readonly client: string;
  /** 1 to 255 visible ASCII characters. */
  readonly key: string;
  /** The HTTP status of its answer where all goes well. */
  readonly status: number;
  /** All that makes it this request and no other. Ask only once its body has been checked. */
  readonly content: () => Secret<string>;
}

/** By what a request is known again. */
export interface Fingerprint {
  readonly keyId: string;
  readonly hash: Buffer;
}

/**
 * Makes and checks the fingerprints of requests. A request may hold a code, of which there are a million, so a plain
 * hash would give it away to whoever has the database: it is HMAC-SHA256 under a subkey (HKDF, RFC 5869) of CONTACT_KEYS.
 */
export class RequestKeys {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #currentId: string;

  /** @param keys the first one makes new fingerprints, the others still verify; 32 bytes or more each */
  constructor(keys: readonly { readonly id: string; readonly secret: Buffer }[]) {
    const [current] = keys;
    if (!current) throw new Error('at least one contact key is needed');
    this.#keys = new Map(keys.map(({ id, secret }) => [id, subkeyOf(secret)]));
    this.#currentId = current.id;
  }

  fingerprint({ content }: KeyedRequest): Fingerprint {
    return { keyId: this.#currentId, hash: this.#hash(this.#currentId, content()) };
  }

  /**
   * Whether it is the request that left this fingerprint. No, where the key that made it is gone: nobody can tell, and
   * the answer of another request would be worse than none.
   */
  matches({ content }: KeyedRequest, { keyId, hash }: Fingerprint): boolean {
    return this.#keys.has(keyId) && timingSafeEqual(this.#hash(keyId, content()), hash);
  }

  #hash(keyId: string, content: Secret<string>): Buffer {
    const key = this.#keys.get(keyId);
    if (!key) throw new Error(`no contact key with the id ${keyId} is configured`);
    return createHmac('sha256', key).update(content.reveal()).digest();
  }
}

function subkeyOf(secret: Buffer): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'agreement request: fingerprint', 32)));
}
