import { hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { fastify, type FastifyInstance, LogController } from 'fastify';
import type pg from 'pg';
import { pino } from 'pino';

/**
 * Bare Fastify that says when it is ready, compares a key and logs a line for each request.
 * @param keyDigest SHA-256 of the one key; without it no key is compared and nothing is logged
 */
export function floorApp(pool: pg.Pool, keyDigest: Buffer | undefined): FastifyInstance {
  const app = fastify({
    genReqId: () => randomUUID(),
    logController: new LogController({ disableRequestLogging: true }),
  });
  if (keyDigest) {
    const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
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
  }
  app.get('/health/ready', async () => {
    await pool.query('SELECT 1');
    return { status: 'ok' };
  });
  return app;
}
