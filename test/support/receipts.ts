import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { ContactKeys } from '../../src/agreement/contact-keys.js';
import { secretPhone } from '../../src/agreement/phone-number.js';
import { type Config, readConfig } from '../../src/config.js';
import { Database } from '../../src/database/index.js';
import { Receipts } from '../../src/messaging/receipts.js';
import { PurgeReceiptsHandler, SettleReceiptsHandler } from '../../src/messaging/settle-receipts.js';
import type { Receipt } from '../../src/messaging/sms/sms-gateway.js';
import { Metrics } from '../../src/metrics.js';
import { OutboxSignal } from '../../src/outbox/index.js';
import { freshPhone } from './api.js';
import type { TestDatabase } from './database.js';
import { raisedBy } from './raised-events.js';
import { testEnvironment } from './service.js';

/** What of a text and its agreement matters to a test; times in seconds from now. */
export interface TextFields {
  readonly phone: string;
  readonly status: 'pending' | 'confirmed' | 'cancelled';
  /** Of the agreement; the text is of the first. */
  readonly generation: number;
  readonly codeLeft: number;
  readonly state: string;
  readonly outcome: string;
  readonly provider: string;
  readonly messageId: string | null;
  readonly sentAgo: number;
}

/** A text that a provider has taken. */
export interface SentText {
  readonly reference: string;
  readonly phone: string;
  /** Ours, of the send. */
  readonly id: string;
  readonly messageId: string | null;
}

/** Of nobody: no text is sent. */
const PROVIDERS = {
  SMS_PROVIDERS: 'smpp,http',
  SMPP_URL: 'smpp://a:b@127.0.0.1:1',
  SMS_HTTP_URL: 'http://127.0.0.1:1',
  SMS_HTTP_TOKEN: 't',
};

/** Receipts over a database of their own connections, as one of several processes has them; nothing sends here. */
export class ReceiptsProcess {
  /** How often a sender would have been woken. */
  woken = 0;
  readonly log: Record<string, unknown>[] = [];
  readonly receipts: Receipts;
  readonly #sweep: SettleReceiptsHandler;
  readonly #purge: PurgeReceiptsHandler;

  private constructor(
    database: Database,
    config: Config,
    readonly metrics: Metrics,
  ) {
    const write = (line: Buffer, _encoding: string, done: () => void) => (
      this.log.push(JSON.parse(String(line))),
      done()
    );
    const logger = pino({ level: 'debug', base: null }, new Writable({ write }));
    this.receipts = new Receipts(config, logger, database, new OutboxSignal(database, logger), metrics);
    this.receipts.onQueued(() => (this.woken += 1));
    this.#sweep = new SettleReceiptsHandler(database, this.receipts);
    this.#purge = new PurgeReceiptsHandler(database);
  }

  static async start(database: TestDatabase, env: Record<string, string> = {}): Promise<ReceiptsProcess> {
    const config = readConfig(testEnvironment(database, { ...PROVIDERS, ...env }));
    const metrics = new Metrics();
    const pool = new Database(config, pino({ level: 'silent' }), [], metrics);
    await pool.connect(new AbortController().signal, () => undefined);
    database.onEnd(() => pool.close());
    return new ReceiptsProcess(pool, config, metrics);
  }

  take(fields: Partial<Receipt> & Pick<Receipt, 'messageIds'>): Promise<void> {
    return this.receipts.take({
      ...{ provider: 'smpp', recipient: null, state: 'delivered', reason: null },
      ...fields,
    });
  }

  /** Says that a text was not delivered, as the provider would. */
  undelivered({ messageId, phone }: SentText): Promise<void> {
    const recipient = secretPhone(phone);
    return this.take({ messageIds: [messageId ?? ''], recipient, state: 'undelivered', reason: 'absent' });
  }

  delivered({ messageId, phone }: SentText): Promise<void> {
    return this.take({ messageIds: [messageId ?? ''], recipient: secretPhone(phone) });
  }

  purge(): Promise<number> {
    return this.#purge.execute();
  }

  sweep(): Promise<number> {
    return this.#sweep.execute();
  }
}

const KEYS = new ContactKeys(
  readConfig(testEnvironment({ url: 'postgres://unused/unused' })).contactKeys.map(({ id, secret }) => ({
    id,
    secret: secret.reveal(),
  })),
);

/** Writes the rows of a text that its provider took, of an agreement of its own. */
export async function aSentText(database: TestDatabase, fields: Partial<TextFields> = {}): Promise<SentText> {
  const phone = fields.phone ?? freshPhone();
  const [reference, id] = [uuidv7(), uuidv7()];
  const { status = 'pending', generation = 1, codeLeft = 600, sentAgo = 1 } = fields;
  const messageId = fields.messageId === undefined ? randomUUID().slice(0, 8) : fields.messageId;
  const { hash, keyId } = KEYS.hash(phone);
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000);
  const agreement = {
    ...{ reference, client: 'shop', id_hash: 'somebody', channel: 'sms', contact: phone, country: 'RU' },
    ...{
      contact_hash: `\\x${hash.toString('hex')}`,
      contact_key_id: keyId,
      document_id: 'privacy',
      document_version: '1',
    },
    ...{ document_sha256: 'ab'.repeat(32), locale: 'ru', metadata: {}, test: false, status, version: 3, sequence: 2 },
    ...{ generation, requested_at: at(-sentAgo), failures: 0, created_at: at(-sentAgo), expires_at: at(86_400) },
    ...(status === 'pending'
      ? { code_generation: generation, code_issued_at: at(-sentAgo), code_expires_at: at(codeLeft), code_failures: 0 }
      : {}),
  };
  await database.query(`INSERT INTO agreement SELECT * FROM jsonb_populate_record(NULL::agreement, $1)`, [agreement]);
  const { state = 'sent', outcome = 'accepted', provider = 'smpp' } = fields;
  await database.query(
    `INSERT INTO send (reference, generation, id, state, try, provider, provider_message_id, sent_at)
     VALUES ($1, 1, $2, $3, 1, $4, $5, now() - make_interval(secs => $6))`,
    [reference, id, state, provider, messageId, sentAgo],
  );
  await aTry(database, reference, { provider, outcome, messageId, sentAgo });
  return { reference, phone, id, messageId };
}

/** A further call of a provider for the first code of an agreement. */
export async function aTry(
  database: TestDatabase,
  reference: string,
  { provider, outcome, messageId, sentAgo = 1 }: Partial<TextFields>,
): Promise<void> {
  await database.query(
    `INSERT INTO send_try (reference, generation, try, provider, outcome, provider_message_id, started_at, finished_at)
     SELECT $1, 1, count(*) + 1, $2, $3, $4, now() - make_interval(secs => $5), now() - make_interval(secs => $5)
     FROM send_try WHERE reference = $1`,
    [reference, provider, outcome, messageId, sentAgo],
  );
}

/** How texts stand after their receipts. */
export const UNTOUCHED = { send: { state: 'sent', reason: null, provider: 'smpp' }, events: [], kept: 0 };
export const DELIVERED = {
  send: { state: 'delivered', reason: null, provider: 'smpp' },
  events: ['CodeDelivered'],
  kept: 0,
};
export const UNDELIVERED = {
  send: { state: 'undelivered', reason: 'absent', provider: 'smpp' },
  events: ['CodeUndelivered'],
  kept: 0,
};

/** Looks at how texts stand, from what `watchEvents` has noted on. */
export function settledTexts(database: TestDatabase) {
  const sendOf = async ({ reference }: SentText) => {
    const [send] = await database.query('SELECT state, reason, provider FROM send WHERE reference = $1', [reference]);
    return send;
  };
  const eventsOf = async ({ reference }: SentText) => (await raisedBy(database, reference)).map(({ type }) => type);
  /** Receipts that fit no text. */
  const kept = async () => (await database.query('SELECT id FROM delivery_receipt')).length;
  return {
    sendOf,
    eventsOf,
    kept,
    settled: async (text: SentText) => ({
      send: await sendOf(text),
      events: await eventsOf(text),
      kept: await kept(),
    }),
    /** A text that no further provider can be asked for. */
    withoutNext: async (fields: Partial<TextFields> = {}) => {
      const text = await aSentText(database, fields);
      await aTry(database, text.reference, { provider: 'http', outcome: 'refused', messageId: null });
      return text;
    },
  };
}
