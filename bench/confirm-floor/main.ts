import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { FastifyReply, FastifyRequest } from 'fastify';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { floorApp } from '../floor/app.js';
import { CONFIRM_BARE, GUESS_BARE, LOAD_BARE, MISS_BARE } from './guess.sql.js';

/**
 * The floor of a guess: what it costs when nobody models or explains anything. One route of bare Fastify, a key compared,
 * a load and a versioned update with its history and its event, both named statements; or all of it in one statement.
 */

interface LoadedRow {
  readonly id_hash: string;
  readonly contact: string;
  readonly document_id: string;
  readonly document_version: string;
  readonly document_sha256: string;
  readonly locale: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: string;
  readonly version: number;
  readonly code_hash: Buffer;
  readonly code_expires_at: Date;
  readonly code_failures: number;
  readonly created_at: Date;
}

type Guess = FastifyRequest<{ Params: { reference: string }; Body: { code: string } }>;

const ATTEMPTS = 3;

const { values: given } = parseArgs({
  options: {
    port: { type: 'string', default: '' },
    'database-url': { type: 'string', default: '' },
    'key-digest': { type: 'string', default: '' },
    'code-key': { type: 'string', default: '' },
    statements: { type: 'string', default: 'two' },
  },
});
const keyDigest = Buffer.from(given['key-digest'], 'hex');
const pool = new pg.Pool({ connectionString: given['database-url'], max: 10 });
const app = floorApp(pool, keyDigest);

app.post('/v1/agreement/:reference', given.statements === 'one' ? guessInOne : guessInTwo);

await app.listen({ port: Number(given.port), host: '127.0.0.1' });

/** Loads, compares, saves; and again where another guess came between. */
async function guessInTwo({ params: { reference }, body }: Guess, reply: FastifyReply): Promise<object> {
  for (;;) {
    const { rows } = await pool.query<LoadedRow>({ ...LOAD_BARE, values: [reference] });
    const [row] = rows;
    const now = new Date();
    if (!row) return reply.status(404).send({ code: 'agreement_not_found' });
    if (row.status !== 'pending') return reply.status(409).send({ code: 'already_confirmed' });
    if (now >= row.code_expires_at || row.code_failures >= ATTEMPTS)
      return reply.status(409).send({ code: 'exhausted' });
    if (!timingSafeEqual(hashOf(reference, body.code), row.code_hash)) {
      const saved = await pool.query<{ code_failures: number }>({ ...MISS_BARE, values: [reference, row.version] });
      if (saved.rows.length > 0) return miss(reply, row.code_failures + 1);
    } else {
      const values = [
        reference,
        row.version,
        now,
        uuidv7(),
        JSON.stringify(eventOf(reference, row, now)),
        randomUUID(),
      ];
      const saved = await pool.query({ ...CONFIRM_BARE, values });
      if (saved.rows.length > 0) return viewOf(reference, row, now);
    }
  }
}

async function guessInOne({ params: { reference }, body }: Guess, reply: FastifyReply): Promise<object> {
  const values = [reference, hashOf(reference, body.code), uuidv7(), randomUUID()];
  const { rows } = await pool.query<LoadedRow & { is_right: boolean; confirmed_at: Date }>({ ...GUESS_BARE, values });
  const [row] = rows;
  if (!row) return reply.status(409).send({ code: 'already_confirmed' });
  return row.is_right ? viewOf(reference, row, row.confirmed_at) : miss(reply, row.code_failures);
}

function hashOf(reference: string, code: string): Buffer {
  return createHmac('sha256', given['code-key']).update(reference).update(code).digest();
}

function miss(reply: FastifyReply, failures: number): FastifyReply {
  return reply
    .status(422)
    .send({ code: 'code_invalid', attempts_left: ATTEMPTS - failures, agreement_status: 'pending' });
}

function documentOf({ document_id: id, document_version: version, document_sha256: sha256 }: LoadedRow): object {
  return { id, version, sha256 };
}

function eventOf(reference: string, row: LoadedRow, now: Date): object {
  return {
    ...{ reference, client: 'bench', id_hash: row.id_hash, document: documentOf(row), test: false, occurred_at: now },
    ...{ generation: 1, created_at: row.created_at, confirmed_at: now, metadata: row.metadata },
  };
}

function viewOf(reference: string, row: LoadedRow, confirmedAt: Date): object {
  return {
    ...{ reference, id_hash: row.id_hash, phone: row.contact, document: documentOf(row), locale: row.locale },
    ...{ metadata: row.metadata, test: false, status: 'confirmed', delivery: 'sent', delivery_reason: null },
    ...{ attempts_left: null, codes_left: null, resend_available_at: null, code_expires_at: null, expires_at: null },
    ...{
      created_at: row.created_at,
      confirmed_at: confirmedAt,
      withdrawn_at: null,
      closed_at: null,
      close_reason: null,
    },
  };
}
