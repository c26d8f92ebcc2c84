import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { Secret } from '../secret.js';

/** What a code belongs to; changing any of it gives another code. */
export interface CodeSubject {
  /** UUID of the agreement. */
  readonly reference: string;
  readonly generation: number;
  /** SHA-256 of the document that was shown, 64 hex digits. */
  readonly documentSha256: string;
}

/** The trace that an issued code leaves: enough to make it again with the key, useless without it. */
export interface CodeSeal {
  readonly keyId: string;
  /** 128 random bits. */
  readonly nonce: Buffer;
  /** Keyed hash of the code, to compare with. */
  readonly hash: Buffer;
}

/** The key that made a code is not among the configured ones; nobody can tell whether a guess is right. */
export class UnknownCodeKey extends Error {
  constructor(readonly keyId: string) {
    super(`no OTP key with the id ${keyId} is configured`);
  }
}

interface Subkeys {
  readonly derive: KeyObject;
  readonly compare: KeyObject;
}

/**
 * Makes and checks one-time codes. A code is derived, never stored:
 * `HMAC-SHA256(key, nonce ‖ reference ‖ generation ‖ document)` taken modulo 10^length. The 256-bit value makes the
 * bias of the modulus smaller than 2^-220. Deriving and comparing use separate subkeys (HKDF, RFC 5869), so that the
 * stored hash says nothing about the derivation. NIST SP 800-63B-4 §3.1.3.2 asks for at least six digits.
 */
export class CodeKeys {
  readonly #keys: ReadonlyMap<string, Subkeys>;
  readonly #currentId: string;
  readonly #length: number;

  /**
   * @param keys the first one makes new codes, the others still verify; 32 bytes or more each
   * @param length digits of a code
   */
  constructor(keys: readonly { readonly id: string; readonly secret: Buffer }[], length: number) {
    const [current] = keys;
    if (!current) throw new Error('at least one OTP key is needed');
    this.#keys = new Map(keys.map(({ id, secret }) => [id, subkeysOf(secret)]));
    this.#currentId = current.id;
    this.#length = length;
  }

  /** The seal of a new code, made with the current key. @param fixed the code of a test number, instead of a derived one */
  seal(subject: CodeSubject, nonce: Buffer, fixed?: Secret<string>): CodeSeal {
    const code = fixed ?? this.#derive(this.#currentId, subject, nonce);
    return { keyId: this.#currentId, nonce, hash: this.#hash(this.#currentId, subject, code) };
  }

  /**
   * The code behind a seal: the same digits at every call.
   * @throws UnknownCodeKey
   * @param fixed as it was given to `seal`
   * @throws Error where the digits no longer fit the seal (the configured length or fixed code has changed since)
   */
  open(subject: CodeSubject, seal: CodeSeal, fixed?: Secret<string>): Secret<string> {
    const code = fixed ?? this.#derive(seal.keyId, subject, seal.nonce);
    if (!this.matches(subject, seal, code)) throw new Error('the derived code does not fit what was recorded');
    return code;
  }

  /** Whether the guess is the code, in constant time (ASVS 11.2.4). @throws UnknownCodeKey */
  matches(subject: CodeSubject, seal: CodeSeal, guess: Secret<string>): boolean {
    return timingSafeEqual(this.#hash(seal.keyId, subject, guess), seal.hash);
  }

  #derive(keyId: string, subject: CodeSubject, nonce: Buffer): Secret<string> {
    const digest = createHmac('sha256', this.#subkeys(keyId).derive)
      .update(nonce)
      .update(bytesOf(subject))
      .digest('hex');
    const digits = BigInt(`0x${digest}`) % 10n ** BigInt(this.#length);
    return new Secret(digits.toString().padStart(this.#length, '0'));
  }

  #hash(keyId: string, subject: CodeSubject, code: Secret<string>): Buffer {
    return createHmac('sha256', this.#subkeys(keyId).compare).update(bytesOf(subject)).update(code.reveal()).digest();
  }

  #subkeys(keyId: string): Subkeys {
    const subkeys = this.#keys.get(keyId);
    if (!subkeys) throw new UnknownCodeKey(keyId);
    return subkeys;
  }
}

function subkeysOf(secret: Buffer): Subkeys {
  const subkey = (use: string): KeyObject =>
    createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `agreement code: ${use}`, 32)));
  return { derive: subkey('derive'), compare: subkey('compare') };
}

/** Fixed widths, so that no two subjects share their bytes: 16 of the UUID, 4 of the generation, 32 of the document. */
function bytesOf({ reference, generation, documentSha256 }: CodeSubject): Buffer {
  const bytes = Buffer.alloc(52);
  bytes.write(reference.replaceAll('-', ''), 0, 'hex');
  bytes.writeUInt32BE(generation, 16);
  bytes.write(documentSha256, 20, 'hex');
  return bytes;
}
