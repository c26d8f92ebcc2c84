import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** A contact as it may be kept for good: equal contacts give equal hashes, but only to whoever holds the key. */
export interface ContactHash {
  readonly keyId: string;
  readonly hash: Buffer;
}

/** Turns contacts into pseudonyms for searching and counting. A plain hash of a phone number is guessed in minutes. */
export class ContactKeys {
  readonly #current: { readonly id: string; readonly secret: KeyObject };

  /** @param keys the first one makes new hashes */
  constructor(keys: readonly { readonly id: string; readonly secret: Buffer }[]) {
    const [current] = keys;
    if (!current) throw new Error('at least one contact key is needed');
    this.#current = { id: current.id, secret: createSecretKey(current.secret) };
  }

  /** @param contact a phone number in E.164 */
  hash(contact: string): ContactHash {
    const hash = createHmac('sha256', this.#current.secret).update('contact').update(contact).digest();
    return { keyId: this.#current.id, hash };
  }
}
