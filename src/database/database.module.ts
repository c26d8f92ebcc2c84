import { type DynamicModule, Module } from '@nestjs/common';
import type { EntitySchema } from 'typeorm';
import { DatabaseClock } from './database-clock.js';
import { Database, ENTITIES } from './database.js';

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
