import { hash, randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { armArguments } from '../arm-arguments.js';
import { ADD_BARE, ADD_BATCH } from './add.sql.js';
import { floorApp } from './app.js';
import { MicroBatches } from './micro-batches.js';

/**
 * The floor: what a create costs when nobody validates, models, limits or explains anything. One route of bare Fastify, a
 * key compared, one named statement that writes the agreement, its history and its event, one line logged. Batched, what
 * arrives together goes in one statement; bare, no key is compared and nothing is logged.
 */

interface Body {
  readonly id_hash: string;
  readonly phone: string;
  readonly document: { readonly id: string; readonly version: string; readonly sha256: string };
  readonly metadata: Readonly<Record<string, string>>;
}

const AGREEMENT_TTL = 86_400_000;
const RESEND_INTERVAL = 60_000;

const { port, databaseUrl, keyDigest, batched, bare } = armArguments();
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const app = floorApp(pool, bare ? undefined : keyDigest);

/** A row, by the columns of both statements in their order. */
const columnsOf = ({ id_hash, phone, document, metadata }: Body, reference: string, now: Date) => {
  const expiresAt = new Date(now.getTime() + AGREEMENT_TTL);
  const common = { reference, client: 'bench', id_hash, document, test: false, occurred_at: now };
  return {
    ...{ reference, id_hash, contact: phone, contact_hash: `\\x${hash('sha256', phone)}` },
    ...{ document_id: document.id, document_version: document.version, document_sha256: document.sha256 },
    ...{ metadata, created_at: now, expires_at: expiresAt, event_id: uuidv7() },
    ...{ payload: { ...common, generation: 1, expires_at: expiresAt, metadata }, traceparent: randomUUID() },
  };
};
type Columns = ReturnType<typeof columnsOf>;

const batches = new MicroBatches<Columns>((rows) => pool.query({ ...ADD_BATCH, values: [JSON.stringify(rows)] }));
// Not by pg's own way with objects and dates: it is slower and, for dates, in the zone of the process.
const alone = (row: Columns) =>
  pool.query({
    ...ADD_BARE,
    values: Object.values(row).map((value) => (typeof value === 'string' ? value : textOf(value))),
  });
const textOf = (value: object): string => (value instanceof Date ? value.toISOString() : JSON.stringify(value));

app.post('/v1/agreement', async (request: FastifyRequest<{ Body: Body }>, reply: FastifyReply) => {
  const { id_hash, phone, document, metadata } = request.body;
  const now = new Date();
  const reference = uuidv7();
  const row = columnsOf(request.body, reference, now);
  await (batched ? batches.add(row) : alone(row));
  reply.status(201).header('Location', `/v1/agreement/${reference}`);
  return {
    ...{ reference, id_hash, phone, document, locale: 'ru', metadata, test: false, status: 'pending' },
    ...{ delivery: 'queued', delivery_reason: null, attempts_left: 3, codes_left: 4 },
    ...{ resend_available_at: new Date(now.getTime() + RESEND_INTERVAL), code_expires_at: null },
    ...{ expires_at: row.expires_at, created_at: now, confirmed_at: null, withdrawn_at: null },
    ...{ closed_at: null, close_reason: null },
  };
});

await app.listen({ port, host: '127.0.0.1' });
