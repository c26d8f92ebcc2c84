import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Deadline, Deadlines } from '../deadlines.js';
import { unavailable } from './problem.js';
import { send } from './problem-document.js';

declare module 'fastify' {
  interface FastifyReply {
    /** Until when it is answered; null before the whole request is there. */
    deadline: Deadline<FastifyReply> | null;
  }
}

/** Whatever the database does, a caller is told within two seconds. */
const ANSWER_WITHIN = 1_800;

/**
 * Answers 503 in the place of a handler that takes too long; what that comes to later is dropped. The time counts from
 * when the whole request is there, so a slow client has nothing to fear of it, unlike of Fastify's `handlerTimeout`.
 */
export function answerInTime(fastify: FastifyInstance): void {
  const deadlines = new Deadlines<FastifyReply>(ANSWER_WITHIN, (reply) => {
    if (reply.sent || reply.raw.headersSent) return;
    const problem = unavailable();
    reply.request.problem = problem;
    send(problem, reply.request, reply);
  });
  fastify.decorateReply('deadline', null);
  fastify.addHook('preHandler', (_request, reply, done) => {
    reply.deadline = deadlines.begin(reply);
    done();
  });
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    reply.deadline?.end();
    done(null, payload);
  });
}
