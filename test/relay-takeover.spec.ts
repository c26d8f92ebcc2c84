import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { OutboxEvents, outOfOrder } from './support/outbox-events.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';
import { TestRelay } from './support/test-relay.js';
import { until } from './support/until.js';

/** Of relays that lead or campaign. */
const SESSIONS = `
  SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'agreement-service direct'`;

describe('the relay that leads', () => {
  const database = useDatabase();
  const events = new OutboxEvents(database);
  const processes = useProcesses(database);
  const relays: TestRelay[] = [];

  beforeEach(() => events.clear());
  afterEach(() => Promise.all(relays.splice(0).map((relay) => relay.stop())));

  async function start(): Promise<TestRelay> {
    const relay = await TestRelay.start(database);
    relays.push(relay);
    return relay;
  }

  async function ofAnotherProcess(): Promise<ServiceProcess> {
    const service = await (await processes.start(testEnvironment(database))).ready();
    await until('it leads', () => service.log.some(({ msg }) => msg === 'this relay leads'));
    return service;
  }

  /** From the commit to the acknowledgement, in milliseconds. */
  async function taken(): Promise<number> {
    const written = performance.now();
    await events.write();
    await until('it is published', async () => (await events.waiting()) === 0);
    return performance.now() - written;
  }

  it.each<['SIGKILL' | 'SIGSTOP']>([['SIGKILL'], ['SIGSTOP']])(
    'is replaced within 5 s of its %s by one that is then woken by every event',
    async (signal) => {
      const old = await ofAnotherProcess();
      const next = await start();
      old.signal(signal);
      expect(await taken()).toBeLessThan(5_000);
      expect((next.published[0]?.at ?? Infinity) - (next.changes[0] ?? 0)).toBeLessThan(500);
      const times: number[] = [];
      for (let n = 0; n < 5; n += 1) times.push(await taken());
      expect(Math.max(...times)).toBeLessThan(1_000);
      await old.kill();
    },
  );

  it('hands over after a while when it alone cannot publish', async () => {
    const alone = await start();
    await until('it leads', () => alone.leads);
    const next = await start();
    alone.cutOff = true;
    await events.write();
    await until('the other one has published', () => next.published.length === 1, 25_000);
    expect(alone.leads).toBe(false);
  });

  it('is one also where several start at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const started = await Promise.all([start(), start(), start()]);
      await taken();
      expect(started.filter(({ leads }) => leads)).toHaveLength(1);
      expect(started.filter((relay) => relay.published.length > 0)).toHaveLength(1);
      await Promise.all(started.map((relay) => relay.stop()));
    }
  });

  /** One that loses its session while it publishes an event of each of these references, and one that waits to lead. */
  async function loses(references: readonly string[]): Promise<{ old: TestRelay; next: TestRelay; ended: number }> {
    const old = await start();
    await until('it leads', () => old.leads);
    const next = await start();
    old.hold();
    await events.write(references);
    await until('it is publishing', () => old.batches.length === 1);
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return { old, next, ended: performance.now() };
  }

  it('notices within a second that its session was ended, publishes no more, and campaigns again', async () => {
    const { old, next, ended } = await loses(['one']);
    await until('it has noticed', () => !old.leads);
    expect((old.changes[1] ?? Infinity) - ended).toBeLessThan(1_000);
    await until('the next one publishes', () => next.published.length === 1);
    old.release();
    for (let n = 0; n < 3; n += 1) await taken();
    expect(old.batches).toHaveLength(1);
    expect(outOfOrder([...next.published, ...old.published])).toEqual([]);
    await next.stop();
    await until('it leads again', () => old.leads, 2_500);
  });

  it('parks and deletes nothing that is not acknowledged where it does not lead any more', async () => {
    const { old, next } = await loses(['taken', 'refused']);
    next.hold();
    await until('the next one publishes', () => next.batches.length === 1);
    old.refused.add('refused');
    old.release();
    await until('what it was acknowledged is gone', async () => (await events.waiting()) === 1);
    await until('it has gone on', async () => (await database.query(SESSIONS)).length === 2);
    expect(await database.query('SELECT aggregateid, parked_at FROM outbox')).toEqual([
      { aggregateid: 'refused', parked_at: null },
    ]);
    next.release();
    await until('the next one has published it', async () => (await events.waiting()) === 0);
    expect(await database.query('SELECT 1 FROM outbox')).toEqual([]);
  });

  it('that has nothing to do campaigns again at once when its session was ended', async () => {
    const only = await start();
    await taken();
    await database.query(`SELECT pg_terminate_backend(pid) FROM (${SESSIONS}) s`);
    await until('it has noticed and leads again', () => only.changes.length === 3, 1_000);
  });
});
