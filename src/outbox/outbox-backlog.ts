import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { Metrics } from '../metrics.js';

interface Backlog {
  readonly waiting: number;
  readonly parked: number;
  readonly oldest: number;
}

/**
 * How much has not left, in whole rows up to 100 001 of both kinds, and how old the oldest waiting event is, in seconds.
 * What is parked is older than what waits, so the bound hides it only behind a hundred thousand others.
 */
const BACKLOG = `
  SELECT
    count(*) FILTER (WHERE parked_at IS NULL)::int AS waiting,
    count(*) FILTER (WHERE parked_at IS NOT NULL)::int AS parked,
    coalesce((
      SELECT greatest(0, extract(epoch FROM now() - occurred_at))
      FROM outbox WHERE parked_at IS NULL ORDER BY seq LIMIT 1
    ), 0)::float8 AS oldest
  FROM (SELECT parked_at FROM outbox ORDER BY seq LIMIT 100001) seen`;

/** Tells Prometheus what the relay has not moved yet, in every process: also while no relay runs. */
@Injectable()
export class OutboxBacklog {
  constructor(database: Database, metrics: Metrics) {
    const { outboxWaiting, outboxOldest, outboxParked } = metrics;
    metrics.atScrape([outboxWaiting, outboxOldest, outboxParked], async () => {
      const [backlog] = await database.glance<Backlog>(BACKLOG);
      outboxWaiting.set(backlog?.waiting ?? 0);
      outboxOldest.set(backlog?.oldest ?? 0);
      outboxParked.set(backlog?.parked ?? 0);
    });
  }
}
