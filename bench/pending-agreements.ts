import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { CodeKeys, CodeSeal } from '../src/agreement/confirmation-code.js';
import { type Arm, KEY, serviceArm, serviceCommand } from './arms.js';
import { Server } from './processes.js';
import { requestBody } from './requests.js';

/** An agreement that waits for its code, and the code. */
export interface Guessable {
  readonly reference: string;
  readonly code: string;
}

/** What an arm compares a guess with, where it is not the service's own hash. */
export type HashOfCode = (reference: string, code: string) => Buffer;

/** The one key that codes are made with: the bench knows it, and so each code. */
const OTP_SECRET = randomBytes(32);
const SENT_WITHIN = 15_000;
const DIGITS = 6;
/** A prime, so that each is met once, far from the one before. */
const STRIDE = 7919;

/** The service itself made none of these rows, but one like them; only these values differ. */
const REPLACED: Readonly<Record<string, string>> = {
  'agreement.code_nonce': 'g.nonce',
  'agreement.code_hash': 'g.hash',
  'agreement.id_hash': `md5(g.reference::text)`,
  'agreement.contact_hash': `sha256(g.reference::text::bytea)`,
  'send.id': 'gen_random_uuid()',
  'limit_entry.contact': 'hashtextextended(g.reference::text, 0)',
};

/** The service with the bench's key. @param roles of the process */
export function guessedAt(name: string, roles = 'api'): Arm {
  const settings = { ROLES: roles, OTP_KEYS: `bench:${OTP_SECRET.toString('base64')}` };
  return { ...serviceArm(name), command: (port, databaseUrl) => serviceCommand(port, databaseUrl, settings) };
}

/**
 * Makes agreements as they are when their text has been sent, as many as are wanted: copies of one that the service has
 * made and sent itself, each with its own reference, code and number.
 */
export class PendingAgreements {
  private constructor(
    private readonly client: pg.Client,
    private readonly keys: CodeKeys,
    private readonly sha256: string,
    /** Every table that has something of the first one. */
    private readonly tables: readonly string[],
  ) {}

  /** @param databaseUrl migrated and empty. @throws where the service does not send, or another code than expected */
  static async record(databaseUrl: string): Promise<PendingAgreements> {
    const reference = await sentByService(databaseUrl);
    const client = new pg.Client(databaseUrl);
    await client.connect();
    const built = new URL('../dist/agreement/confirmation-code.js', import.meta.url).href;
    const { CodeKeys: Keys } = (await import(built)) as typeof import('../src/agreement/confirmation-code.js');
    const keys = new Keys([{ id: 'bench', secret: OTP_SECRET }], DIGITS);
    await mustBeExpected(client, keys, reference);
    const { rows } = await client.query<{ document_sha256: string }>('SELECT document_sha256 FROM agreement');
    return new PendingAgreements(client, keys, rows[0]?.document_sha256 ?? '', await keepModel(client));
  }

  /**
   * Empties the tables and fills them. The checkpoint comes before, as in life: a code is confirmed soon after it was made.
   * @param hashOf given where an arm compares with a hash of its own
   * @returns them in another order than they lie in: people take different times to read a text
   */
  async fill(count: number, hashOf?: HashOfCode): Promise<Guessable[]> {
    await this.#empty();
    const made = Array.from({ length: count }, () => this.#make(hashOf));
    const values = [
      made.map(({ reference }) => reference),
      made.map(({ seal }) => seal.nonce),
      made.map(({ hash }) => hash),
    ];
    for (const table of this.tables) {
      await this.client.query(
        `
        INSERT INTO ${table} (${await this.#copied(table)})
        SELECT ${await this.#copied(table, true)}
        FROM model.${table} m CROSS JOIN unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS g (reference, nonce, hash)`,
        values,
      );
      await this.client.query(`ANALYZE ${table}`);
    }
    return shuffled(made.map(({ reference, code }) => ({ reference, code })));
  }

  /** What of the guesses has reached the tables. */
  async outcome(): Promise<Outcome> {
    const { rows } = await this.client.query<Outcome>(`
      SELECT count(*) FILTER (WHERE status = 'confirmed')::int AS confirmed, sum(failures)::int AS failures,
        max(failures) AS "mostFailures",
        (SELECT count(*)::int FROM history WHERE kind = 'confirmed') AS "historyConfirmed",
        (SELECT count(*)::int FROM history WHERE kind = 'code_mismatched') AS "historyFailures",
        (SELECT count(*)::int FROM outbox WHERE type = 'clients.agreement.AgreementConfirmed.v1') AS events
      FROM agreement`);
    const [outcome] = rows;
    if (!outcome) throw new Error('nothing was counted');
    return outcome;
  }

  /** How many bytes of WAL the server has written in all. */
  async walPosition(): Promise<number> {
    const { rows } = await this.client.query<{ bytes: number }>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`,
    );
    return rows[0]?.bytes ?? NaN;
  }

  /** Of all updates of agreements so far, those that touched no index; 0 to 1. Exact once the server has disconnected. */
  async hotShare(): Promise<number> {
    const { rows } = await this.client.query<{ share: number }>(`
      SELECT n_tup_hot_upd::float8 / greatest(n_tup_upd, 1) AS share FROM pg_stat_user_tables WHERE relname = 'agreement'`);
    return rows[0]?.share ?? 0;
  }

  async end(): Promise<void> {
    await this.client.end();
  }

  #make(hashOf: HashOfCode | undefined): Guessable & { readonly seal: CodeSeal; readonly hash: Buffer } {
    const subject = { reference: uuidv7(), generation: 1, documentSha256: this.sha256 };
    const seal = this.keys.seal(subject, randomBytes(16));
    const code = this.keys.open(subject, seal).reveal();
    return { reference: subject.reference, code, seal, hash: hashOf?.(subject.reference, code) ?? seal.hash };
  }

  async #empty(): Promise<void> {
    await this.client.query('ALTER TABLE history DISABLE TRIGGER USER');
    await this.client.query(`TRUNCATE ${this.tables.join(', ')}, outbox, idempotency_key`);
    await this.client.query('ALTER TABLE history ENABLE TRIGGER USER');
    await this.client.query('CHECKPOINT');
  }

  /** The columns of a table, but those that count by themselves; as they are named, or as what is put into them. */
  async #copied(table: string, asValues = false): Promise<string> {
    const { rows } = await this.client.query<{ name: string; type: string }>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
      WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'NO' ORDER BY ordinal_position`,
      [table],
    );
    const valueOf = ({ name, type }: { name: string; type: string }): string => {
      if (name === 'reference') return 'g.reference';
      // As if all of it had happened just now.
      const shifted = `m.${name} + (now() - (SELECT created_at FROM model.agreement))`;
      return REPLACED[`${table}.${name}`] ?? (type.startsWith('timestamp') ? shifted : `m.${name}`);
    };
    return rows.map((column) => (asValues ? valueOf(column) : column.name)).join(', ');
  }
}

/** Counts; every row is one of a guess that was answered. */
export interface Outcome {
  readonly confirmed: number;
  readonly failures: number;
  readonly mostFailures: number;
  readonly historyConfirmed: number;
  readonly historyFailures: number;
  readonly events: number;
}

/** @returns the reference of an agreement whose text is with the sandbox */
async function sentByService(databaseUrl: string): Promise<string> {
  const arm = guessedAt('model', 'api,relay,worker');
  const server = await Server.start(arm.name, (port) => arm.command(port, databaseUrl), '/health/ready', undefined);
  try {
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const made = await fetch(`${server.url}/v1/agreement`, { method: 'POST', headers, body: requestBody(0) });
    const { reference } = (await made.json()) as { reference: string };
    const deadline = performance.now() + SENT_WITHIN;
    while (performance.now() < deadline) {
      const asked = await fetch(`${server.url}/v1/agreement/${reference}`, { headers });
      const { delivery } = (await asked.json()) as { delivery: string };
      if (delivery === 'sent' || delivery === 'delivered') return reference;
    }
    throw new Error('the service has not sent its text in time');
  } finally {
    await server.stop();
  }
}

/** The bench and the service must mean the same code. */
async function mustBeExpected(client: pg.Client, keys: CodeKeys, reference: string): Promise<void> {
  const { rows } = await client.query<{ nonce: Buffer; hash: Buffer; sha256: string; text: string }>(
    `SELECT code_nonce AS nonce, code_hash AS hash, document_sha256 AS sha256, text
    FROM agreement JOIN sandbox_message USING (reference) WHERE reference = $1`,
    [reference],
  );
  const [row] = rows;
  if (!row) throw new Error('the service has issued no code');
  const subject = { reference, generation: 1, documentSha256: row.sha256 };
  const code = keys.open(subject, { keyId: 'bench', nonce: row.nonce, hash: row.hash });
  if (!row.text.includes(code.reveal())) throw new Error('the service has sent another code than the bench expects');
}

/** Puts the rows of the one agreement aside. @returns the tables that have some */
async function keepModel(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ table: string }>(`
    SELECT c.table_name AS "table" FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'reference' AND table_name <> 'sandbox_message'
    ORDER BY 1`);
  await client.query('CREATE SCHEMA model');
  const used: string[] = [];
  for (const { table } of rows) {
    const { rowCount } = await client.query(`CREATE TABLE model.${table} AS TABLE ${table}`);
    if ((rowCount ?? 0) > 0) used.push(table);
  }
  return used;
}

function shuffled<T>(items: readonly T[]): T[] {
  // A multiple of the stride would be met in part only, again and again.
  const stride = items.length % STRIDE === 0 ? 1 : STRIDE;
  return items.map((_item, n) => items[(n * stride) % items.length] as T);
}
