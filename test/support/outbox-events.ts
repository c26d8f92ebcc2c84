import { randomUUID } from 'node:crypto';
import type { TestDatabase } from './database.js';

/** Puts events into an outbox as other processes do: committed, numbered per reference, and then said aloud. */
export class OutboxEvents {
  /** How many events each reference has by now. */
  readonly committed = new Map<string, number>();

  constructor(private readonly database: Pick<TestDatabase, 'query'>) {}

  get total(): number {
    return [...this.committed.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Nothing of another test's. */
  async clear(): Promise<void> {
    await this.database.query('DELETE FROM outbox');
    this.committed.clear();
  }

  /** The next event of each of these references (of a new one by default), in one commit. @param characters of its JSON, at least */
  async write(references: readonly string[] = [randomUUID()], characters = 0): Promise<void> {
    const numbers = references.map((reference) => (this.committed.get(reference) ?? 0) + 1);
    await this.database.query(
      `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, client, test, sequence, occurred_at)
       SELECT gen_random_uuid(), 'agreement', e.reference, 'clients.agreement.Noted.v1',
         jsonb_build_object('filler', repeat('x', $3)), 'local', false, e.sequence, now()
       FROM unnest($1::text[], $2::int[]) AS e (reference, sequence)`,
      [references, numbers, characters],
    );
    for (const [index, reference] of references.entries()) this.committed.set(reference, numbers[index] ?? 0);
    await this.database.query(`SELECT pg_notify('agreement_outbox', '')`);
  }

  /** How many wait to be published. */
  async waiting(): Promise<number> {
    const [row] = await this.database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM outbox WHERE parked_at IS NULL',
    );
    return row?.n ?? 0;
  }
}

/** Of a stream of events in which some come repeatedly: those references whose events first come otherwise than 1, 2, 3 … */
export function outOfOrder(stream: Iterable<{ readonly reference: string; readonly sequence: number }>): string[] {
  const highest = new Map<string, number>();
  const wrong = new Set<string>();
  for (const { reference, sequence } of stream) {
    const before = highest.get(reference) ?? 0;
    if (sequence > before + 1) wrong.add(reference);
    highest.set(reference, Math.max(before, sequence));
  }
  return [...wrong];
}
