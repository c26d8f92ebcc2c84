import { Injectable } from '@nestjs/common';
import { Database } from './database.js';

/** How long an observation is good for; a machine that slept or a server that moved is noticed within it. */
const FRESH = 5_000;

/**
 * The database's time without a round trip: the last answer of the database, carried on by the monotonic clock of
 * this process. Every load returns the time of the database itself; only a create, which loads nothing, needs this.
 */
@Injectable()
export class DatabaseClock {
  #databaseTime = 0;
  #observedAt = -Infinity;

  constructor(private readonly database: Database) {}

  /** The database's time, right to the length of one round trip. */
  async now(): Promise<Date> {
    if (performance.now() - this.#observedAt > FRESH) {
      const [row] = await this.database.query<{ now: Date }>({ name: 'clock', text: 'SELECT now() AS now' }, []);
      if (row) this.observe(row.now);
    }
    return new Date(Math.floor(this.#databaseTime + performance.now() - this.#observedAt));
  }

  /** Takes note of the time that an answer of the database carried. */
  observe(databaseTime: Date): void {
    this.#databaseTime = databaseTime.getTime();
    this.#observedAt = performance.now();
  }
}
