import { Inject } from '@nestjs/common';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { Brackets, type SelectQueryBuilder } from 'typeorm';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/index.js';
import { MustBeHandled } from '../must-be-handled.js';
import { fromRow } from './agreement.rows.js';
import { type AgreementRow, agreementSchema } from './agreement.schema.js';
import { SEND_REASON, SEND_STATE } from './agreement.sql.js';
import type { AgreementStatus } from './agreement.state.js';
import { type AgreementView, type Delivery, viewOf } from './agreement.view.js';

/** Which agreements of a client to list; what is not given does not restrict. */
export interface AgreementFilter {
  readonly idHash?: string | undefined;
  readonly documentId?: string | undefined;
  readonly status?: AgreementStatus | undefined;
  /** Inclusive. */
  readonly createdAfter?: Date | undefined;
  /** Exclusive. */
  readonly createdBefore?: Date | undefined;
  /** 1–100. */
  readonly limit: number;
  /** `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** One answer of the list, in the names of the API. */
export interface AgreementPage {
  readonly items: readonly AgreementView[];
  /** The reference of the last item where more follow; the next page begins after it. */
  readonly next_cursor: string | null;
}

/** A client's agreements, newest first. */
@MustBeHandled
export class ListAgreements extends Query<AgreementPage> {
  constructor(
    readonly client: string,
    readonly filter: AgreementFilter,
  ) {
    super();
  }
}

type ListedRow = AgreementRow & { send_state: Delivery['state'] | null; send_reason: string | null; now: Date };

@QueryHandler(ListAgreements)
export class ListAgreementsHandler implements IQueryHandler<ListAgreements> {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: Database,
  ) {}

  async execute({ client, filter }: ListAgreements): Promise<AgreementPage> {
    const query = this.database.source
      .createQueryBuilder(agreementSchema, 'a')
      .select('a.*')
      .addSelect(SEND_STATE, 'send_state')
      .addSelect(SEND_REASON, 'send_reason')
      .addSelect('now()', 'now')
      .leftJoin('send', 's', 's.reference = a.reference AND s.generation = a.generation')
      .where('a.client = :client', { client })
      .orderBy('a.reference', 'DESC')
      .limit(filter.limit + 1);
    restrict(query, filter);
    const rows = await query.getRawMany<ListedRow>();
    const page = rows.slice(0, filter.limit);
    return {
      items: page.map((row) => {
        const delivery = { state: row.send_state ?? 'queued', reason: row.send_reason };
        return viewOf(fromRow(row), delivery, this.config.otp, row.now);
      }),
      next_cursor: rows.length > page.length ? (page.at(-1)?.reference ?? null) : null,
    };
  }
}

function restrict(query: SelectQueryBuilder<AgreementRow>, filter: AgreementFilter): void {
  const { idHash, documentId, createdAfter, createdBefore, cursor } = filter;
  if (idHash !== undefined) query.andWhere('a.id_hash = :idHash', { idHash });
  if (documentId !== undefined) query.andWhere('a.document_id = :documentId', { documentId });
  if (createdAfter) query.andWhere('a.reference >= :from', { from: firstReferenceOf(createdAfter) });
  if (createdBefore) query.andWhere('a.reference < :to', { to: firstReferenceOf(createdBefore) });
  if (cursor !== undefined) query.andWhere('a.reference < :cursor', { cursor });
  if (filter.status !== undefined) restrictStatus(query, filter.status);
}

/** A pending agreement past its time is expired, also before the sweep has written it. */
function restrictStatus(query: SelectQueryBuilder<AgreementRow>, status: AgreementStatus): void {
  if (status === 'pending') query.andWhere(`a.status = 'pending' AND a.expires_at > now()`);
  else if (status === 'expired') {
    query.andWhere(
      new Brackets((either) =>
        either.where(`a.status = 'expired'`).orWhere(`a.status = 'pending' AND a.expires_at <= now()`),
      ),
    );
  } else query.andWhere('a.status = :status', { status });
}

/** The least UUIDv7 of a time: references sort by it, so times need no index of their own (RFC 9562 §5.7). */
function firstReferenceOf(time: Date): string {
  const milliseconds = Math.min(Math.max(0, time.getTime()), 2 ** 48 - 1);
  const digits = milliseconds.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
}
