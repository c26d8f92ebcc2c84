import { type DynamicModule, Module } from '@nestjs/common';
import type { EntitySchema } from 'typeorm';
import { Database, ENTITIES } from './database.js';
import { DatabaseClock } from './database-clock.js';

/** The one database of the process, for every module. */
@Module({})
export class DatabaseModule {
  /** @param entities the tables that are read through TypeORM */
  static withEntities(entities: readonly EntitySchema[]): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [{ provide: ENTITIES, useValue: entities }, Database, DatabaseClock],
      exports: [Database, DatabaseClock],
    };
  }
}
