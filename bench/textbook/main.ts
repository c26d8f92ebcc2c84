import 'reflect-metadata';
import { Module, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogController } from 'fastify';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { type ArmArguments, armArguments } from '../arm-arguments.js';
import { AgreementController } from './agreement.controller.js';
import { AgreementEntity } from './agreement.entity.js';
import { AgreementService } from './agreement.service.js';
import { KEY_DIGEST } from './api-key.guard.js';
import { OutboxEntity } from './outbox.entity.js';
import { OutboxPoller } from './outbox.poller.js';

/**
 * The same task as the documentation of NestJS and TypeORM teaches it: a DTO with decorators, entities, `save()` in a
 * transaction, a poller. On the same versions, with the same key check and the same one line of log for each request.
 */
function applicationOf({ databaseUrl, keyDigest, poller }: ArmArguments): new () => object {
  const entities = [AgreementEntity, OutboxEntity];
  const connect = (): Promise<DataSource> =>
    new DataSource({
      type: 'postgres',
      url: databaseUrl,
      entities,
      synchronize: true,
      extra: { max: 10 },
    }).initialize();

  @Module({
    controllers: [AgreementController],
    providers: [
      { provide: DataSource, useFactory: connect },
      { provide: KEY_DIGEST, useValue: keyDigest },
      AgreementService,
      ...(poller ? [OutboxPoller] : []),
    ],
  })
  class Application {}
  return Application;
}

const options = armArguments();
const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
const adapter = new FastifyAdapter({ logController: new LogController({ disableRequestLogging: true }) });
const app = await NestFactory.create<NestFastifyApplication>(applicationOf(options), adapter, { logger: ['error'] });
app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }));
app
  .getHttpAdapter()
  .getInstance()
  .addHook('onResponse', (request, reply, done) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    logger.info({ request_id: request.id, method: request.method, status: reply.statusCode, ms }, 'request');
    done();
  });
await app.listen(options.port, '127.0.0.1');
