import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { AgreementError, type AgreementFault } from './agreement.errors.js';
import type { AgreementView } from './agreement.view.js';
import { FIND_KEPT, KEEP, type KeptRow } from './idempotency.sql.js';
import { type KeyedRequest, RequestKeys } from './keyed-request.js';
import { OneAtATime } from './one-at-a-time.js';

/** What a request comes to that takes effect: the agreement, or the error of a guess that was counted. */
export type Answer = AgreementView | AgreementError;

/** The answer of an earlier request with the same key, the same to the byte. */
export class Replayed {
  /** @param text the body, JSON */
  constructor(
    readonly status: number,
    readonly text: string,
  ) {}

  get reference(): string {
    return this.toJSON().reference;
  }

  /** Read and written again a text of JSON stays as it is: the order of the members is kept. */
  toJSON(): AgreementView {
    return JSON.parse(this.text) as AgreementView;
  }
}

/** A row of `idempotency_key`, but for its time. */
export interface KeptColumns {
  readonly client: string;
  readonly key: string;
  readonly fingerprint: Buffer;
  readonly keyId: string;
  readonly status: number;
  readonly answer: string;
}

/** Status of a kept error: `answer` is then the fault, whose text is in the language of whoever asks again. */
const FAULT = 422;

/** What was answered under the keys of callers. Answers of requests that changed something are kept by AgreementRepository. */
@Injectable()
export class KeptAnswers {
  readonly #requests = new OneAtATime();

  constructor(
    private readonly database: Database,
    private readonly keys: RequestKeys,
  ) {}

  /**
   * Of requests with one key one runs at a time. Between processes the database sees to that; within one, it spares the
   * database all but the first, and no batch of inserts has a key twice.
   * @throws AgreementError request_in_progress
   */
  once<T>({ client, key }: KeyedRequest, work: () => Promise<T>): Promise<T> {
    return this.#requests.run(JSON.stringify([client, key]), work);
  }

  /** What is to be kept of a request and its answer. */
  columns(request: KeyedRequest, answer: Answer): KeptColumns {
    const { client, key } = request;
    const { keyId, hash: fingerprint } = this.keys.fingerprint(request);
    const status = answer instanceof AgreementError ? FAULT : request.status;
    const text = JSON.stringify(answer instanceof AgreementError ? answer.fault : answer);
    return { client, key, fingerprint, keyId, status, answer: text };
  }

  /**
   * What was answered to this request before; undefined where its key is free.
   * @throws AgreementError idempotency_key_reused
   */
  replay(request: KeyedRequest, row: Partial<KeptRow> | undefined): Replayed | AgreementError | undefined {
    const { kept_fingerprint: hash, kept_key_id: keyId, kept_status: status, kept_answer: text } = row ?? {};
    if (!hash || !keyId || !status || !text) return undefined;
    if (!this.keys.matches(request, { keyId, hash })) throw new AgreementError({ code: 'idempotency_key_reused' });
    return status === FAULT ? new AgreementError(JSON.parse(text) as AgreementFault, true) : new Replayed(status, text);
  }

  /** Likewise, asking the database. @throws AgreementError idempotency_key_reused */
  async find(request: KeyedRequest): Promise<Replayed | AgreementError | undefined> {
    const [row] = await this.database.query<KeptRow>(FIND_KEPT, [request.client, request.key]);
    return this.replay(request, row);
  }

  /** Keeps an answer that changed nothing. @returns whether the key was free */
  async keep({ client, key, fingerprint, keyId, status, answer }: KeptColumns): Promise<boolean> {
    const taken = await this.database.query(KEEP, [client, key, fingerprint, keyId, status, answer]);
    return taken.length > 0;
  }
}
