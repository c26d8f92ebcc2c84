import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** A contact as it may be kept for good: equal contacts give equal hashes, but only to whoever holds the key. */
export interface ContactHash {
  readonly keyId: string;
  readonly hash: Buffer;
}

/** Turns contacts into pseudonyms for searching and counting. A plain hash of a phone number is guessed in minutes. */
export class ContactKeys {
  readonly #current: { readonly id: string; readonly secret: KeyObject };
  readonly #all: readonly KeyObject[];

  /** @param keys the first one makes new hashes */
  constructor(keys: readonly { readonly id: string; readonly secret: Buffer }[]) {
    const [current] = keys;
    if (!current) throw new Error('at least one contact key is needed');
    this.#current = { id: current.id, secret: createSecretKey(current.secret) };
    this.#all = keys.map(({ secret }) => createSecretKey(secret));
  }

  /** @param contact a phone number in E.164, or an address of e-mail as it is kept */
  hash(contact: string): ContactHash {
    return { keyId: this.#current.id, hash: hashOf(contact, this.#current.secret) };
  }

  /** As it may stand in a row: under every key, the current one first. */
  hashes(contact: string): readonly Buffer[] {
    return this.#all.map((secret) => hashOf(contact, secret));
  }
}

function hashOf(contact: string, secret: KeyObject): Buffer {
  return createHmac('sha256', secret).update(`contact${contact}`).digest();
}
