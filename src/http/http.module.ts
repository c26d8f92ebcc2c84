import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ApiKeys } from './api-keys.js';
import { ApiKeysFile } from './api-keys-file.js';
import { HealthController } from './health.controller.js';
import { Health } from './health.js';
import { ProblemFilter } from './problem.filter.js';
import { RouteTable } from './route-table.js';

/** What every route goes through: keys, the form of errors, health. */
@Global()
@Module({
  controllers: [HealthController],
  providers: [Health, RouteTable, ApiKeys, ApiKeysFile, { provide: APP_FILTER, useClass: ProblemFilter }],
  exports: [Health, RouteTable],
})
export class HttpModule {}
