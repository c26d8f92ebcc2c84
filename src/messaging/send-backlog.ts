import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { Metrics } from '../metrics.js';

interface Backlog {
  readonly waiting: number;
  readonly retrying: number;
  readonly oldest: number;
}

/**
 * How many codes are still to be sent, up to 100 001, how many of them have a try in vain behind them (a first try that is
 * still going on has no reason yet), and for how many seconds the oldest due one has waited.
 */
const BACKLOG = `
  SELECT
    count(*)::int AS waiting,
    count(reason)::int AS retrying,
    coalesce((
      SELECT greatest(0, extract(epoch FROM now() - next_attempt_at))
      FROM send WHERE state = 'queued' ORDER BY next_attempt_at LIMIT 1
    ), 0)::float8 AS oldest
  FROM (SELECT reason FROM send WHERE state = 'queued' LIMIT 100001) seen`;

/** Tells Prometheus which codes are still to be sent, in every process: also while no worker runs. */
@Injectable()
export class SendBacklog {
  constructor(database: Database, metrics: Metrics) {
    const { sendsWaiting, sendsRetrying, sendsOldestDue } = metrics;
    metrics.atScrape([sendsWaiting, sendsRetrying, sendsOldestDue], async () => {
      const [backlog] = await database.glance<Backlog>(BACKLOG);
      sendsWaiting.set(backlog?.waiting ?? 0);
      sendsRetrying.set(backlog?.retrying ?? 0);
      sendsOldestDue.set(backlog?.oldest ?? 0);
    });
  }
}
