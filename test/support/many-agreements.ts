import type { Database, Statement } from '../../src/database/index.js';
import type { TestDatabase } from './database.js';

/** Rows as they are after a life that nobody had to live. */
export interface Many {
  readonly count: number;
  readonly status: 'pending' | 'confirmed' | 'rejected' | 'expired' | 'cancelled' | 'withdrawn';
  /** SQL for when they were closed, such as `now() - interval '1 hour'`; they were made an hour before. */
  readonly closedAt?: string;
  readonly idHash?: string;
  readonly client?: string;
  /** In seconds. */
  readonly madeAgo?: number;
  /** In seconds: so long ago the code of each has ended; negative where it is still to end. */
  readonly codeEndedAgo?: number;
}

/** Puts agreements into a database, each with one send, one try of it and its text in the sandbox; gives their references. */
export async function insertMany(database: Pick<TestDatabase, 'query'>, many: Many): Promise<string[]> {
  const { count, status, closedAt = 'NULL', idHash = 'somebody', client = 'local', codeEndedAgo } = many;
  const { madeAgo = 7_200 } = many;
  const code = codeEndedAgo === undefined ? null : 1;
  const rows = await database.query<{ reference: string }>(
    `WITH made AS (
       INSERT INTO agreement (
         reference, client, id_hash, channel, contact, contact_hash, contact_key_id, country, document_id, document_version,
         document_sha256, locale, metadata, subject_ip, subject_user_agent, test, status, version, sequence, generation,
         requested_at, failures, code_generation, code_key_id, code_nonce, code_hash, code_issued_at, code_expires_at,
         code_failures, created_at, expires_at, confirmed_at, closed_at, close_reason
       )
       SELECT (substr(rpad(lpad(to_hex(((extract(epoch FROM now()) - $4::float8) * 1000)::bigint), 12, '0'), 12), 1, 12)
           || '7' || substr(md5(random()::text || n), 1, 3) || '8' || substr(md5(n || random()::text), 1, 15))::uuid,
         $5, $2, 'sms', '+7916' || lpad(n::text, 7, '0'), decode(md5(n::text), 'hex'), 'test', 'RU', 'privacy', '1',
         repeat('ab', 32), 'ru', '{"order": "1042"}', '203.0.113.7', 'Mozilla/5.0', false, $3, 3, 2, 1,
         now() - make_interval(secs => $4::float8), 0, $6::int, CASE WHEN $6::int = 1 THEN 'test' END,
         CASE WHEN $6::int = 1 THEN decode(md5('nonce'), 'hex') END, CASE WHEN $6::int = 1 THEN decode(md5('code'), 'hex') END,
         CASE WHEN $6::int = 1 THEN now() END, CASE WHEN $6::int = 1 THEN now() - make_interval(secs => $7::float8) END,
         CASE WHEN $6::int = 1 THEN 0 END, now() - make_interval(secs => $4::float8), now() + interval '1 day',
         CASE WHEN $3 IN ('confirmed', 'withdrawn') THEN now() - make_interval(secs => $4::float8) END, ${closedAt}, NULL
       FROM generate_series(1, $1::int) AS n RETURNING reference, contact
     ), sends AS (
       INSERT INTO send (reference, generation, id, state, try) SELECT reference, 1, reference, 'sent', 1 FROM made
     ), tries AS (
       INSERT INTO send_try (reference, generation, try, outcome) SELECT reference, 1, 1, 'accepted' FROM made
     ), messages AS (
       INSERT INTO sandbox_message (id, reference, phone, text) SELECT reference, reference, contact, 'text' FROM made
     )
     SELECT reference FROM made`,
    [count, idHash, status, madeAgo, client, code, codeEndedAgo ?? 0],
  );
  return rows.map(({ reference }) => reference);
}

/** What handlers run their statements on, for a spec that calls them itself. */
export function statementsOn(database: Pick<TestDatabase, 'query'>): Database {
  const query = ({ text }: Statement, values: readonly unknown[]) => database.query(text, [...values]);
  return { query } as unknown as Database;
}
