import { Inject, Injectable } from '@nestjs/common';
import { type AgreementFacts, ContactKeys, type EventSubject, toIntegrationEvent } from '../agreement/index.js';
import { CONFIG, type Config } from '../config.js';
import { Batches, Database, DatabaseUnavailable, isUnavailable } from '../database/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { OutboxSignal } from '../outbox/index.js';
import { uuidv7 } from '../uuid.js';
import { nextProvider, routeOf } from './provider-chain.js';
import { type Candidate, reasonOf, spokenOf, type Verdict, verdictOf } from './receipt-verdict.js';
import { DROP, FIND, KEEP, KEPT_OF, NOTE, SETTLE } from './receipts.sql.js';
import type { Receipt } from './sms/sms-gateway.js';

/** A receipt as the statements take it: the recipient as keyed hashes, none where it names nobody. */
interface Hashed {
  readonly provider: string;
  readonly message_ids: readonly string[];
  readonly recipients: readonly Buffer[];
  readonly state: Receipt['state'];
  readonly reason: Receipt['reason'];
  /** PostgreSQL's text of the time; null: now. */
  readonly received_at: string | null;
}

/** A text that was accepted, by the ids under which its receipts may come. */
interface Accepted {
  readonly provider: string;
  readonly messageIds: readonly string[];
}

/** One that fitted nothing when it came. */
export interface KeptReceipt extends Hashed {
  readonly id: string;
  readonly received_at: string;
}

type FoundRow = Candidate & {
  readonly provider: string;
  /** Seconds from the acceptance to the receipt; null where the acceptance has no time. */
  readonly after: number | null;
  readonly client: string;
  readonly id_hash: string;
  readonly channel: AgreementFacts['contact']['channel'];
  readonly country: string | null;
  readonly document_id: string;
  readonly document_version: string;
  readonly document_sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly test: boolean;
  readonly created_at: Date;
  readonly now: Date;
};

const STATES = ['delivered', 'undelivered'] as const;
const MATCHED = ['at_once', 'later', 'waits'] as const;

/** Longer than anybody's id; more of them than anybody's way of writing one. */
const LONGEST_ID = 256;
const MOST_IDS = 16;
/** Each conflict means that another receipt or acceptance of the same text was recorded; there are only so many. */
const MAX_CONFLICTS = 20;

/** What providers say later of the texts that they took: an event of the agreement, or the same code once more. */
@Injectable()
export class Receipts {
  readonly #contacts: ContactKeys;
  #queued: () => void = () => undefined;
  /** What is kept of each: mostly nothing, so that one look serves all that are accepted at one time. */
  readonly #lookups = new Batches<Accepted, KeptReceipt[]>(
    (accepted) => this.#keptOf(accepted),
    (error) => !isUnavailable(error),
    () => new DatabaseUnavailable('too many receipts are looked for'),
  );

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly database: Database,
    private readonly outbox: OutboxSignal,
    private readonly metrics: Metrics,
  ) {
    this.#contacts = new ContactKeys(config.contactKeys.map(({ id, secret }) => ({ id, secret: secret.reveal() })));
    // What was never counted is zero: a first receipt is else no increase.
    for (const provider of config.sms.providers) {
      for (const state of STATES) {
        metrics.receiptDelay.zero({ provider, state });
        for (const matched of MATCHED) metrics.receipts.inc({ provider, state, matched }, 0);
      }
    }
  }

  /** @param listener called when a send waits for a sender again; a sender in another process looks by itself */
  onQueued(listener: () => void): void {
    this.#queued = listener;
  }

  /**
   * Takes what a provider says. Where it fits no text, the acceptance may not be recorded yet: it is written down, and then
   * looked at again, while the sender records first and then looks here. So one of the two sees the other.
   * @throws DatabaseUnavailable: the provider is to say it again
   */
  async take(receipt: Receipt): Promise<void> {
    const hashed = this.#hashed(receipt);
    if (hashed.message_ids.length === 0) return;
    if (await this.#settle(hashed)) return this.#count(hashed, 'at_once');
    const { provider, message_ids: ids, recipients, state, reason } = hashed;
    const [kept] = await this.database.query<Pick<KeptReceipt, 'id' | 'received_at'>>(KEEP, [
      ...[provider, ids, recipients],
      ...[state, reason],
    ]);
    this.#count(hashed, 'waits');
    if (kept) await this.settleKept({ ...hashed, ...kept });
  }

  /**
   * Looks for what a provider said of a text before its acceptance was recorded. Never throws: what it misses a sweep finds.
   * @param messageIds the provider's id, where it gave one, and ours: its receipts may name either
   */
  async settle(provider: string, messageIds: readonly string[]): Promise<void> {
    try {
      const kept = await this.#lookups.add({ provider, messageIds });
      for (const receipt of kept) await this.settleKept(receipt);
    } catch (error) {
      this.logger.warn({ provider, reason: String(error) }, 'receipts not looked for; the sweep does it');
    }
  }

  /** Gives whether it fitted a text by now; then it is kept no longer. @throws DatabaseUnavailable */
  async settleKept(kept: KeptReceipt): Promise<boolean> {
    if (!(await this.#settle(kept))) return false;
    // After what it changes: a crash between the two leaves it to be found again, and then it changes nothing.
    await this.database.query(DROP, [kept.id]);
    this.#count(kept, 'later');
    return true;
  }

  async #keptOf(accepted: readonly Accepted[]): Promise<KeptReceipt[][]> {
    const providers = new Set(accepted.map(({ provider }) => provider));
    const ids = accepted.flatMap(({ messageIds }) => messageIds);
    const kept = await this.database.query<KeptReceipt>(KEPT_OF, [[...providers], ids]);
    if (kept.length === 0) return accepted.map(() => []);
    const speaksOf = (receipt: KeptReceipt, { provider, messageIds }: Accepted): boolean =>
      receipt.provider === provider && receipt.message_ids.some((id) => messageIds.includes(id));
    return accepted.map((one) => kept.filter((receipt) => speaksOf(receipt, one)));
  }

  #hashed({ provider, messageIds, recipient, state, reason }: Receipt): Hashed {
    const ids = messageIds.filter((id) => id.length > 0 && id.length <= LONGEST_ID && !id.includes('\0'));
    return {
      provider,
      message_ids: [...new Set(ids)].slice(0, MOST_IDS),
      recipients: recipient === null ? [] : this.#contacts.hashes(recipient.reveal()),
      state,
      reason: reasonOf({ state, reason }),
      received_at: null,
    };
  }

  /** Gives whether there is a text that it speaks of. */
  async #settle(receipt: Hashed): Promise<boolean> {
    const values = [receipt.provider, receipt.message_ids, receipt.recipients, receipt.received_at];
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const found = spokenOf(await this.database.query<FoundRow>(FIND, values), receipt.recipients.length > 0);
      if (!found) return false;
      const verdict = verdictOf(found, receipt.state, () => this.#next(found));
      if (await this.#apply(found, receipt, verdict)) return true;
    }
    throw new DatabaseUnavailable('the send changes faster than its receipt can be recorded');
  }

  #next({ channel, country, test, tries }: FoundRow): string | null {
    return nextProvider(routeOf({ channel, country, test }, this.config), tries);
  }

  /** Gives false where something else was recorded meanwhile. */
  async #apply(found: FoundRow, receipt: Hashed, verdict: Verdict): Promise<boolean> {
    if (verdict.kind === 'known') return true;
    const key = [found.reference, found.generation, found.try, receipt.state, receipt.reason];
    if (verdict.kind === 'noted') {
      await this.database.query(NOTE, key);
      return true;
    }
    const event = this.#event(found, receipt);
    const values = [...key, ...event.history, found.receipt, found.state, verdict.next, ...event.outbox];
    if ((await this.database.query(SETTLE, values)).length === 0) return false;
    this.#tell(found, receipt, verdict.next);
    return true;
  }

  /** Kind and detail of the history; id, type, time and payload of the event. */
  #event(found: FoundRow, { state, reason }: Hashed): { history: unknown[]; outbox: unknown[] } {
    const { generation, channel, provider } = found;
    const name = state === 'delivered' ? 'CodeDelivered' : 'CodeUndelivered';
    const { type, data } = toIntegrationEvent(
      { name, generation, channel, provider, reason },
      subjectOf(found),
      found.now,
    );
    const detail = { generation, channel, provider, receipt: state, ...(reason === null ? {} : { reason }) };
    return {
      history: [state === 'delivered' ? 'code_delivered' : 'code_undelivered', detail],
      outbox: [uuidv7(), type, found.now, data],
    };
  }

  #tell(found: FoundRow, { state, reason }: Hashed, next: string | null): void {
    const { reference, generation, try: tries, provider, after } = found;
    this.outbox.notify();
    if (next !== null) this.#queued();
    if (after !== null) this.metrics.receiptDelay.observe({ provider, state }, Math.max(0, after));
    const more = { ...(reason === null ? {} : { reason }), ...(next === null ? {} : { next }) };
    this.logger.info({ reference, generation, try: tries, provider, state, ...more }, 'receipt');
  }

  #count({ provider, state }: Hashed, matched: (typeof MATCHED)[number]): void {
    this.metrics.receipts.inc({ provider, state, matched });
  }
}

function subjectOf(found: FoundRow): EventSubject {
  return {
    reference: found.reference,
    client: found.client,
    idHash: found.id_hash,
    document: { id: found.document_id, version: found.document_version, sha256: found.document_sha256 },
    test: found.test,
    metadata: found.metadata,
    createdAt: found.created_at,
  };
}
