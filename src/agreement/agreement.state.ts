import type { Secret } from '../secret.js';
import type { CodeSeal } from './confirmation-code.js';

/** The limits of the domain; durations in milliseconds. */
export interface AgreementPolicy {
  /** How long a code is good for, from its issuing. */
  readonly ttl: number;
  /** How long after one request for a code the next one is taken. */
  readonly resendInterval: number;
  /** Wrong guesses per code. */
  readonly attempts: number;
  /** Codes per agreement. */
  readonly maxCodes: number;
  /** Wrong guesses per agreement, over all its codes (NIST SP 800-63B-4 §3.2.2). */
  readonly maxFailures: number;
  /** How long an agreement may stay pending. */
  readonly agreementTtl: number;
}

/** How a code travels. */
export type Channel = 'sms' | 'email';

/** The codes of test numbers by number (E.164): what an operator has set, mostly nothing. */
export type TestCodes = ReadonlyMap<string, Secret<string>>;

/** What the person was shown: immutable, and part of what every code is derived from. */
export interface Document {
  readonly id: string;
  readonly version: string;
  /** SHA-256 of the exact bytes that were shown, 64 lower-case hex digits. */
  readonly sha256: string;
}

/** Where a code can reach the person. */
export interface Contact {
  readonly channel: Channel;
  /** E.164 or an address of e-mail, shown masked; null once it has been purged. */
  readonly address: Secret<string> | null;
  /** Keyed hash that outlives the address. */
  readonly hash: Buffer;
  readonly hashKeyId: string;
  /** ISO 3166, where the address has a country. */
  readonly country: string | null;
}

/** What the caller saw of the person: evidence that cannot be had later. */
export interface Subject {
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly shownAt: Date | null;
}

/** What is settled when an agreement is made and never changes. */
export interface AgreementFacts {
  /** UUIDv7. */
  readonly reference: string;
  readonly client: string;
  readonly idHash: string;
  readonly contact: Contact;
  readonly document: Document;
  /** One of the languages that there were when it was made. */
  readonly locale: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly subject: Subject;
  readonly test: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** The one code that can confirm. */
export interface IssuedCode {
  readonly generation: number;
  /** Null once it was forgotten, some time after the end of the code. */
  readonly seal: CodeSeal | null;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** Wrong guesses of this code. */
  readonly failures: number;
}

/** Only a pending agreement has a code; what is over keeps neither its hash nor its nonce. */
export type AgreementState =
  | { readonly status: 'pending'; readonly code: IssuedCode | null }
  | { readonly status: 'confirmed'; readonly confirmedAt: Date }
  | {
      readonly status: 'withdrawn';
      readonly confirmedAt: Date;
      readonly closedAt: Date;
      readonly reason: string | null;
    }
  | {
      readonly status: 'rejected' | 'expired' | 'cancelled';
      readonly closedAt: Date;
      readonly reason: string | null;
    };

export type AgreementStatus = AgreementState['status'];

/** What changes in the life of an agreement. */
export interface AgreementProgress {
  /** The newest code that was asked for: 1, 2, … */
  readonly generation: number;
  readonly requestedAt: Date;
  /** Wrong guesses over all codes. */
  readonly failures: number;
  readonly state: AgreementState;
}

/** Whether a generation may go out, and the code if so. */
export type Issue =
  | {
      readonly kind: 'issued';
      readonly code: Secret<string>;
      /** No try may start at or after this time. */
      readonly sendBefore: Date;
    }
  | { readonly kind: 'obsolete'; readonly reason: 'closed' | 'superseded' | 'expired' | 'limit' };
