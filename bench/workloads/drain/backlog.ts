import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { KEY } from '../../arms.js';
import type { LoadGenerator } from '../../load.js';
import type { Server } from '../../processes.js';

/** An event as a create of the service has raised it; the backlog is made of its likes. */
export interface Template {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly client: string;
}

/** One event of a backlog, as its receivers must find it. */
export interface Expected {
  readonly key: string;
  readonly sequence: number;
}

/** What lies in the outbox: the events by their `ce_id`. */
export type Backlog = ReadonlyMap<string, Expected>;

/** The channel of PostgreSQL that wakes the relay. */
const CHANNEL = 'agreement_outbox';

/** Every eleventh event is the second one of its agreement, so that there is an order to keep. */
const agreementsOf = (rows: number): number => Math.ceil(rows / 1.1);

/**
 * One commit, and then the relay is told, as after creates. Ids and references are as scattered as random ones, but known:
 * $1 the run, $2 rows, $3 agreements; the rest is of the template.
 */
const FILL = `
  INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at)
  SELECT md5($1 || ':event:' || n)::uuid, 'agreement', reference, $4,
    jsonb_set($5::jsonb, '{reference}', to_jsonb(reference)), $6, false, CASE WHEN n > $3 THEN 2 ELSE 1 END, now()
  FROM generate_series(1, $2::int) AS n,
    LATERAL (SELECT md5($1 || ':agreement:' || CASE WHEN n > $3::int THEN n - $3 ELSE n END)::uuid::text) AS r (reference)
  ORDER BY n`;

/** What a create writes into the outbox: one is made. */
export async function templateFrom(api: Server, generator: LoadGenerator, databaseUrl: string): Promise<Template> {
  const { acknowledged } = await generator.load({
    url: `${api.url}/v1/agreement`,
    key: KEY,
    connections: 1,
    amount: 2,
  });
  if (acknowledged !== 2) throw new Error('void: a create was not acknowledged');
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<Template>('SELECT type, payload, client FROM outbox ORDER BY seq LIMIT 1');
    if (!rows[0]) throw new Error('void: a create left nothing in the outbox');
    return rows[0];
  } finally {
    await client.end();
  }
}

/** As a create in another process does. */
export async function wakeRelay(client: pg.Client): Promise<void> {
  await client.query(`NOTIFY ${CHANNEL}`);
}

/** Commits a backlog and wakes the relay. @returns what was committed */
export async function fillOutbox(client: pg.Client, template: Template, rows: number): Promise<Backlog> {
  const run = randomUUID();
  const backlog = expected(run, rows);
  const { type, payload, client: owner } = template;
  await client.query('BEGIN');
  await client.query(FILL, [run, rows, agreementsOf(rows), type, JSON.stringify(payload), owner]);
  await wakeRelay(client);
  await client.query('COMMIT');
  return backlog;
}

function expected(run: string, rows: number): Backlog {
  const agreements = agreementsOf(rows);
  const uuid = (kind: string, n: number): string =>
    createHash('md5')
      .update(`${run}:${kind}:${n}`)
      .digest('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return new Map(
    Array.from({ length: rows }, (_, index) => {
      const n = index + 1;
      const second = n > agreements;
      const key = uuid('agreement', second ? n - agreements : n);
      return [uuid('event', n), { key, sequence: second ? 2 : 1 }];
    }),
  );
}
