import { hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { fastify, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import pg from 'pg';
import { pino } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { armArguments } from '../arm-arguments.js';
import { ADD_BARE } from './add.sql.js';

/**
 * The floor: what a create costs when nobody validates, models or explains anything. One route of bare Fastify, a key
 * compared, one named statement that writes the rows that the service writes, one line logged.
 */

interface Body {
  readonly id_hash: string;
  readonly phone: string;
  readonly document: { readonly id: string; readonly version: string; readonly sha256: string };
  readonly metadata: Readonly<Record<string, string>>;
}

const AGREEMENT_TTL = 86_400_000;
const RESEND_INTERVAL = 60_000;

const { port, databaseUrl, keyDigest } = armArguments();
const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const app = fastify({
  genReqId: () => randomUUID(),
  logController: new LogController({ disableRequestLogging: true }),
});

app.addHook('onRequest', (request, reply, done) => {
  const key = request.headers.authorization?.slice('Bearer '.length) ?? '';
  const open = request.url === '/health/ready' || timingSafeEqual(hash('sha256', key, 'buffer'), keyDigest);
  if (open) done();
  else void reply.status(401).send({ code: 'unauthorized' });
});

app.addHook('onResponse', (request, reply, done) => {
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  logger.info({ request_id: request.id, method: request.method, status: reply.statusCode, ms }, 'request');
  done();
});

app.get('/health/ready', async () => {
  await pool.query('SELECT 1');
  return { status: 'ok' };
});

app.post('/v1/agreement', async (request: FastifyRequest<{ Body: Body }>, reply: FastifyReply) => {
  const { id_hash: idHash, phone, document, metadata } = request.body;
  const now = new Date();
  const expiresAt = new Date(now.getTime() + AGREEMENT_TTL);
  const reference = uuidv7();
  const common = { reference, client: 'bench', id_hash: idHash, document, test: false, occurred_at: now };
  const event = { ...common, generation: 1, expires_at: expiresAt, metadata };
  const { id, version, sha256 } = document;
  const values = [
    ...[reference, idHash, phone, hash('sha256', phone, 'buffer'), id, version, sha256],
    ...[JSON.stringify(metadata), now, expiresAt, uuidv7(), JSON.stringify(event), randomUUID()],
  ];
  await pool.query({ ...ADD_BARE, values });
  reply.status(201).header('Location', `/v1/agreement/${reference}`);
  return {
    ...{ reference, id_hash: idHash, phone, document, locale: 'ru', metadata, test: false, status: 'pending' },
    ...{ delivery: 'queued', delivery_reason: null, attempts_left: 3, codes_left: 4 },
    ...{ resend_available_at: new Date(now.getTime() + RESEND_INTERVAL), code_expires_at: null, expires_at: expiresAt },
    ...{ created_at: now, confirmed_at: null, withdrawn_at: null, closed_at: null, close_reason: null },
  };
});

await app.listen({ port, host: '127.0.0.1' });
