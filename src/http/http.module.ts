import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { ApiKeyGuard } from './api-key.guard.js';
import { HealthController } from './health.controller.js';
import { Health } from './health.js';
import { ProblemFilter } from './problem.filter.js';
import { RouteTable } from './route-table.js';

/** What every route goes through: keys, the form of errors, health. */
@Global()
@Module({
  controllers: [HealthController],
  providers: [
    Health,
    RouteTable,
    { provide: APP_GUARD, useClass: ApiKeyGuard },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
  exports: [Health, RouteTable],
})
export class HttpModule {}
