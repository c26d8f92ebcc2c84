import type { RE2JS } from 're2js';
import type { Template } from './template.js';

/** A gateway as a file describes it: what it is asked, what its answers mean, how its receipts look. */
export interface GatewayDescription {
  /** Whether the gateway drops a repeat of the same `{id}`. */
  readonly deduplicates: boolean;
  readonly request: RequestDescription;
  /** The first that fits decides. */
  readonly answers: readonly AnswerRule[];
  readonly receipts: ReceiptsDescription | undefined;
}

/** What the gateway is asked. */
export interface RequestDescription {
  readonly method: 'POST' | 'GET' | 'PUT';
  /** Scheme, host and port; undefined: SMS_HTTP_URL is the beginning. */
  readonly origin: string | undefined;
  /** What follows: path and query. */
  readonly target: Template;
  readonly query: readonly (readonly [string, Template])[];
  readonly headers: readonly (readonly [string, Template])[];
  readonly basic: { readonly user: Template; readonly password: Template } | undefined;
  readonly body: RequestBody | undefined;
}

export type RequestBody =
  | { readonly kind: 'json'; readonly value: JsonTemplate }
  | { readonly kind: 'form'; readonly fields: readonly (readonly [string, Template])[] };

export type JsonTemplate =
  | number
  | boolean
  | null
  | { readonly template: Template }
  | { readonly list: readonly JsonTemplate[] }
  | { readonly fields: readonly (readonly [string, JsonTemplate])[] };

/** Keys and indexes from the outside in; `*` is the first entry. */
export type Path = readonly string[];

/** Where a value is: in the body, in a header, or in the text of the body. */
export interface Source {
  readonly body?: Path;
  readonly header?: string;
  readonly pattern?: RE2JS;
}

/** What stands in a place. */
export interface Found {
  /** Whether anything but null stands there, a list or a mapping too; undefined: the way to it is another than was described. */
  readonly isThere: boolean | undefined;
  /** A text, a number or a boolean, as text. */
  readonly text: string | undefined;
}

/** Whether it is what it must be; undefined: that cannot be told, and so nothing certain follows. */
export type Matcher = (found: Found) => boolean | undefined;

/** What one kind of answer means. */
export interface AnswerRule {
  readonly outcome: 'accepted' | 'refused' | 'try_later' | 'unknown';
  readonly status: ((status: number) => boolean) | undefined;
  readonly body: readonly (readonly [Path, Matcher])[];
  readonly headers: readonly (readonly [string, Matcher])[];
  readonly text: RE2JS | undefined;
  readonly id: Source | undefined;
  readonly reason: Source | undefined;
  /** Where it says how many seconds to wait, or how many. */
  readonly retryAfter: Source | number | undefined;
}

/** Why a text did not arrive, in the words of all providers. */
export const UNDELIVERED_WORDS = [
  'absent',
  'unknown_number',
  'blocked',
  'expired',
  'rejected',
  'content',
  'network',
  'other',
] as const;
export type UndeliveredWord = (typeof UNDELIVERED_WORDS)[number];

/** What words mean. In lower case; one that ends in `*` stands for all that begin so. */
export type Words<T> = ReadonlyMap<string, T>;

/** What the gateway says later. */
export interface ReceiptsDescription {
  readonly signed: SignatureDescription;
  readonly format: 'json' | 'form' | 'query';
  /** Where the list of receipts is; undefined: the body is one, or the list itself. */
  readonly list: Path | undefined;
  /** Each may stand in several places. */
  readonly id: readonly Path[];
  readonly status: readonly Path[];
  readonly recipient: readonly Path[];
  readonly reason: readonly Path[];
  readonly delivered: Words<true>;
  readonly undelivered: Words<UndeliveredWord>;
  /** Undefined: every other word is a step on the way. */
  readonly steps: Words<true> | undefined;
  /** What the gateway's own reasons mean. */
  readonly reasons: Words<UndeliveredWord>;
}

/** How the gateway proves that a receipt is its own, by SMS_HTTP_WEBHOOK_SECRET. */
export type SignatureDescription =
  | { readonly by: 'standard-webhooks' }
  | {
      readonly by: 'hmac';
      readonly header: string;
      readonly algorithm: 'sha256' | 'sha512' | 'sha1';
      readonly encoding: 'hex' | 'base64';
      readonly prefix: string;
      readonly over: readonly SignedPart[];
      /** Header with the time of signing. */
      readonly timestamp: string | undefined;
    }
  | { readonly by: 'secret'; readonly place: SecretPlace; readonly prefix: string }
  | { readonly by: 'basic'; readonly user: string };

export type SecretPlace = { readonly header: string } | { readonly query: string } | { readonly body: Path };

export type SignedPart = string | { readonly part: 'body' | 'url' } | { readonly header: string };
