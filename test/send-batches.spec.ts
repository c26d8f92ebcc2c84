import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { AgreementFacts } from '../src/agreement/index.js';
import type { Config } from '../src/config.js';
import type { Database, DatabaseClock } from '../src/database/index.js';
import { ACCEPTED } from '../src/messaging/send.sql.js';
import { SendCode, SendCodeHandler } from '../src/messaging/send-code.js';
import { type ClaimedSend, SendRecord } from '../src/messaging/send-record.js';
import type { Sender } from '../src/messaging/sender.js';
import type { OutboxSignal } from '../src/outbox/index.js';
import { useDatabase } from './support/database.js';
import { insertMany, statementsOn } from './support/many-agreements.js';

const database = useDatabase();
const AT_ONCE = 200;
/** PostgreSQL keeps no such text, in whatever field it comes. */
const POISON = 'a\0b';

/** The names of the statements that were sent. */
const sent: string[] = [];
const counting = (): Database => {
  const statements = statementsOn(database);
  const query: Database['query'] = (statement, values) => {
    sent.push(statement.name);
    return statements.query(statement, values);
  };
  return { query } as unknown as Database;
};

/** What is there of each send or event, by its agreement. */
const counted = async (table: 'send' | 'outbox' | 'history'): Promise<Record<string, number>> => {
  const by = table === 'outbox' ? 'aggregateid' : 'reference::text';
  const rows = await database.query<{ key: string; n: number }>(
    `SELECT ${by} AS key, count(*)::int AS n FROM ${table} GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ key, n }) => [key, n]));
};
const once = (references: readonly string[]): Record<string, number> =>
  Object.fromEntries(references.map((reference) => [reference, 1]));
const statuses = (all: readonly PromiseSettledResult<unknown>[]): Record<string, number> => ({
  fulfilled: all.filter(({ status }) => status === 'fulfilled').length,
  rejected: all.filter(({ status }) => status === 'rejected').length,
});

let references: string[];
beforeAll(async () => {
  references = await insertMany(database, { count: AT_ONCE, status: 'pending' });
});
beforeEach(() => void sent.splice(0));

describe('codes that are asked for at one time', () => {
  const handler = (): SendCodeHandler =>
    new SendCodeHandler(
      { sms: { routes: new Map([['*', ['http']]]) }, email: { providers: [] } } as unknown as Config,
      counting(),
      { wake: () => undefined } as unknown as Sender,
    );

  beforeEach(async () => {
    await database.query('DELETE FROM send');
  });

  it('are noted in one statement, each once, also where two events ask for one', async () => {
    const handle = handler();
    const twice = [...references, ...references.slice(0, 50)].map((reference) => new SendCode(reference, 1, null));
    await Promise.all(twice.slice(0, AT_ONCE).map((command) => handle.execute(command)));
    expect(sent).toEqual(['send_queue']);
    await database.query('DELETE FROM send');
    await Promise.all([...twice.slice(AT_ONCE), ...twice.slice(0, 150)].map((command) => handle.execute(command)));
    expect(sent).toEqual(['send_queue', 'send_queue']);
    expect(await counted('send')).toEqual(once(references.slice(0, 150)));
  });

  it('fail alone where nobody knows them, or where the database refuses them', async () => {
    const handle = handler();
    const good = references.slice(0, 20).map((reference) => new SendCode(reference, 1, null));
    const unknown = [new SendCode(randomUUID(), 1, null), new SendCode(references[0] ?? '', 2, null)];
    const told = await Promise.allSettled([...unknown, ...good].map((command) => handle.execute(command)));
    expect(told.slice(0, 2).map((one) => String((one as PromiseRejectedResult).reason))).toEqual([
      'Error: there is no generation 1 of this agreement',
      'Error: there is no generation 2 of this agreement',
    ]);
    expect(sent).toEqual(['send_queue']);

    const poison = new SendCode(references[30] ?? '', 1, POISON);
    expect(statuses(await Promise.allSettled([...good, poison].map((one) => handle.execute(one))))).toEqual({
      fulfilled: 20,
      rejected: 1,
    });
    expect(await counted('send')).toEqual(once(references.slice(0, 20)));
  });

  it('wait for each other in one order, whatever order they come in', async () => {
    const [one, other] = [handler(), handler()];
    for (let round = 0; round < 5; round += 1) {
      await database.query('DELETE FROM send');
      const commands = references.map((reference) => new SendCode(reference, 1, null));
      await Promise.all([
        ...commands.map((command) => one.execute(command)),
        ...commands.toReversed().map((command) => other.execute(command)),
      ]);
      expect(await counted('send')).toEqual(once(references));
    }
  });
});

describe('texts that are accepted at one time', () => {
  const facts = (reference: string): AgreementFacts =>
    ({
      ...{
        reference,
        client: 'local',
        idHash: 'somebody',
        locale: 'ru',
        metadata: {},
        test: false,
        createdAt: new Date(),
      },
      contact: { channel: 'sms', address: null, hash: null, hashKeyId: null, country: 'RU' },
      document: { id: 'privacy', version: '1', sha256: 'ab'.repeat(32) },
    }) as unknown as AgreementFacts;
  const record = (): ((reference: string, generation?: number, provider?: string) => Promise<void>) => {
    const clock = { now: async () => new Date() } as unknown as DatabaseClock;
    const records = new SendRecord(counting(), clock, { notify: () => undefined } as unknown as OutboxSignal);
    return (reference, generation = 1, provider = 'http') => {
      const send = { reference, generation, try: 1, traceparent: null } as unknown as ClaimedSend;
      return records.accepted(send, facts(reference), provider, `m-${reference}-${generation}`);
    };
  };

  beforeEach(async () => {
    await database.query('DELETE FROM outbox');
    await database.query('ALTER TABLE history DISABLE TRIGGER USER');
    await database.query('DELETE FROM history');
    await database.query('ALTER TABLE history ENABLE TRIGGER USER');
    await database.query('DELETE FROM send');
    await database.query('DELETE FROM send_try');
    await database.query('UPDATE agreement SET sequence = 2');
    for (const generation of [1, 2]) {
      await database.query(
        `INSERT INTO send (reference, generation, id, try, provider)
         SELECT reference, ${generation}, gen_random_uuid(), 1, 'http' FROM agreement`,
      );
      await database.query(
        `INSERT INTO send_try (reference, generation, try, provider) SELECT reference, ${generation}, 1, 'http' FROM agreement`,
      );
    }
  });

  it('are recorded in one statement, each once with its event and its history, and a repeat changes nothing', async () => {
    const accepted = record();
    await Promise.all(references.toReversed().map((reference) => accepted(reference)));
    expect(sent).toEqual(['send_accepted']);
    await Promise.all(references.map((reference) => accepted(reference)));
    expect(await counted('outbox')).toEqual(once(references));
    expect(await counted('history')).toEqual(once(references));
    const rows = await database.query<object>(
      `SELECT s.state, s.provider_message_id = 'm-' || s.reference || '-1' AS named, t.outcome, a.sequence, o.sequence AS of_event,
         count(*)::int AS n
       FROM send s JOIN send_try t USING (reference, generation) JOIN agreement a USING (reference)
       JOIN outbox o ON o.aggregateid = s.reference::text WHERE s.generation = 1 GROUP BY 1, 2, 3, 4, 5`,
    );
    expect(rows).toEqual([{ state: 'sent', named: true, outcome: 'accepted', sequence: 3, of_event: 3, n: AT_ONCE }]);
  });

  it('of one agreement count on from each other', async () => {
    const accepted = record();
    const [reference = ''] = references;
    await Promise.all([accepted(reference, 1), accepted(reference, 2), accepted(reference, 1)]);
    const events = await database.query(
      `SELECT sequence, payload ->> 'generation' AS of FROM outbox ORDER BY sequence`,
    );
    expect(events).toEqual([
      { sequence: 3, of: '1' },
      { sequence: 4, of: '2' },
    ]);
  });

  it('fail alone where the database refuses one', async () => {
    const accepted = record();
    const [bad = '', ...others] = references.slice(0, 21);
    const told = await Promise.allSettled([...others.map((one) => accepted(one)), accepted(bad, 1, POISON)]);
    expect(statuses(told)).toEqual({ fulfilled: 20, rejected: 1 });
    expect(await counted('outbox')).toEqual(once(others));
  });

  it('cost the rows that they change and no others, also by a plan that was made while the tables were new', async () => {
    const some = references.slice(0, 5);
    const given = some.map((reference) => ({ reference, generation: 1, try: 1, at: new Date(), detail: {} }));
    const rows = given.map((one) => ({ ...one, event_id: randomUUID(), type: 't', payload: {}, provider: 'http' }));
    const client = new pg.Client(database.url);
    await client.connect();
    try {
      // As the service sets its sessions, and as PostgreSQL plans what it has run five times.
      await client.query('SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan');
      await client.query(`PREPARE accepted AS ${ACCEPTED.text}`);
      const values = `'${JSON.stringify(rows)}', '{${some.join()}}'`;
      const { rows: plan } = await client.query<object>(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE accepted(${values})`);
      const read = [...JSON.stringify(plan).matchAll(/"Actual Rows":\s*(\d+)/g)].map(([, count]) => Number(count));
      expect(Math.max(...read)).toBeGreaterThanOrEqual(some.length);
      // Some more, of versions that the specs before have left behind.
      expect(Math.max(...read)).toBeLessThan(AT_ONCE);
    } finally {
      await client.end();
    }
  });
});
