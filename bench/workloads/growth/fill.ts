import pg from 'pg';

/** Rows of one statement. */
const CHUNK = 500_000;
/** In days: evenly over so long they were made, the last of them an hour ago. */
const YEAR = 365;

/** What the n-th of $3 agreements is called: a UUIDv7 of its time, the rest of it anything. */
const REFERENCE = `(lpad(to_hex((extract(epoch FROM ${at('n')}) * 1000)::bigint), 12, '0')
  || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid`;

function at(n: string): string {
  return `(date_trunc('hour', now()) - interval '1 hour' - (1 - ${n}::float8 / $3) * interval '${YEAR} days')`;
}

const NUMBERS = 'generate_series($1::int, $2::int) AS n';

/** What the service leaves of an agreement that was confirmed at the first guess, 25 s after it was made. */
const TABLES: Readonly<Record<string, string>> = {
  agreement: `
    INSERT INTO agreement (reference, client, id_hash, channel, contact, contact_hash, contact_key_id, country,
      document_id, document_version, document_sha256, locale, metadata, test, status, version, sequence, generation,
      requested_at, failures, created_at, expires_at, confirmed_at)
    SELECT ${REFERENCE}, 'bench', md5(n::text), 'sms', '+791' || lpad(n::text, 8, '0'), sha256(n::text::bytea), 'bench', 'RU',
      'privacy-policy', '2026-01', repeat('ab', 32), 'ru', jsonb_build_object('order', n::text), false, 'confirmed', 3, 3, 1,
      ${at('n')}, 0, ${at('n')}, ${at('n')} + interval '1 day', ${at('n')} + interval '25 s'
    FROM ${NUMBERS}`,
  history: `
    INSERT INTO history (reference, at, kind, detail)
    SELECT ${REFERENCE}, ${at('n')} + seq * interval '5 s', kind, detail::jsonb
    FROM ${NUMBERS}, (VALUES
      (1, 'created', '{"generation": 1}'),
      (2, 'code_issued', '{"generation": 1, "expires_at": "2026-01-31T12:15:00.000Z"}'),
      (3, 'code_sent', '{"generation": 1, "channel": "sms", "provider": "http"}'),
      (4, 'confirmed', '{"generation": 1}')
    ) AS steps (seq, kind, detail)`,
  send: `
    INSERT INTO send (reference, generation, id, state, try, next_attempt_at, provider, provider_message_id, traceparent,
      created_at, sent_at)
    SELECT ${REFERENCE}, 1, ${REFERENCE}, 'sent', 1, ${at('n')} + interval '25 s', 'http', 'message-' || n,
      '00-' || md5(n::text) || '-878bc100e9dd274b-00', ${at('n')}, ${at('n')}
    FROM ${NUMBERS}`,
  send_try: `
    INSERT INTO send_try (reference, generation, try, provider, started_at, finished_at, outcome, provider_message_id)
    SELECT ${REFERENCE}, 1, 1, 'http', ${at('n')}, ${at('n')}, 'accepted', 'message-' || n FROM ${NUMBERS}`,
  // What is counted is kept for a day.
  limit_entry: `
    INSERT INTO limit_entry (reference, generation, client, contact, prefix, country, at, taken)
    SELECT ${REFERENCE}, 1, 'bench', hashtextextended(n::text, 0), n % 10000, NULL, ${at('n')}, true
    FROM ${NUMBERS} WHERE ${at('n')} > now() - interval '1 day'`,
};

/**
 * Fills a migrated database with so many agreements of the last year, as it is after them: indexes built anew, vacuumed,
 * analysed and written down. Not durable while it lasts.
 */
export async function fill(databaseUrl: string, rows: number, signal: AbortSignal): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await client.query(`SET synchronous_commit = off; SET maintenance_work_mem = '256MB'; SET jit = off`);
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `SELECT quote_ident(indexname) AS name, indexdef AS definition FROM pg_indexes
       WHERE tablename = ANY ($1) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)`,
      [Object.keys(TABLES)],
    );
    for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
    for (const text of Object.values(TABLES)) {
      for (let first = 1; first <= rows; first += CHUNK) {
        signal.throwIfAborted();
        await client.query(text, [first, Math.min(rows, first + CHUNK - 1), rows]);
      }
    }
    for (const { definition } of indexes) await client.query(definition);
    await client.query(`VACUUM (ANALYZE) ${Object.keys(TABLES).join(', ')}`);
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}
