import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { codeIn, freshPhone } from './support/api.js';
import { Balancer } from './support/balancer.js';
import { describeWithKafka } from './support/kafka.js';
import { KafkaDeployment } from './support/kafka-deployment.js';
import type { ServiceProcess } from './support/process.js';
import { until } from './support/until.js';

const ROUNDS = 3;
/** Each makes three requests: create, confirm and get. */
const AGREEMENTS_PER_SECOND = 33;
const LONGEST_GAP = 5_000;

describeWithKafka('two instances that are restarted in turn', () => {
  const deployment = new KafkaDeployment();
  const { database, processes } = deployment;

  async function startBoth(env: Record<string, string>) {
    const balancer = new Balancer();
    const start = async (): Promise<ServiceProcess> => {
      const instance = await processes.start(deployment.environment({ LOG_LEVEL: 'warn', ...env }));
      balancer.add(instance);
      await until('requests go to it', () => balancer.serves(instance), 30_000);
      return instance;
    };
    const running = await Promise.all([start(), start()]);
    const restartEachInTurn = async (): Promise<void> => {
      for (const [place, instance] of running.entries()) {
        expect(await instance.stop()).toEqual({ code: 0, signal: null });
        running[place] = await start();
      }
    };
    return { balancer, running, restartEachInTurn };
  }

  /** One person after the other, until told to stop, at a steady pace. */
  async function load(one: () => Promise<void>, going: () => boolean): Promise<void> {
    const people: Promise<void>[] = [];
    const begun = performance.now();
    for (let n = 0; going(); n += 1) {
      people.push(one());
      await delay(Math.max(0, begun + (n * 1_000) / AGREEMENTS_PER_SECOND - performance.now()));
    }
    await Promise.all(people);
  }

  it('under load lose no request and no text, and the events never stand still for 5 s', async () => {
    const { balancer, running, restartEachInTurn } = await startBoth({ SHUTDOWN_DELAY: '1' });
    const created: { phone: string; reference: string }[] = [];
    const arrived = new Map<string, number>();
    let confirmed = 0;
    const one = async (): Promise<void> => {
      const phone = freshPhone();
      const answer = await balancer.request('POST', '/v1/agreement', { id_hash: 'somebody', phone });
      if (answer?.status !== 201) return;
      const reference = String(answer.body['reference']);
      const asked = performance.now();
      created.push({ phone, reference });
      const [text] = await deployment.provider.received(phone, 1, 20_000);
      arrived.set(reference, performance.now() - asked);
      const code = codeIn(text?.body.text ?? '');
      const confirm = await balancer.request('POST', `/v1/agreement/${reference}`, { code });
      const read = await balancer.request('GET', `/v1/agreement/${reference}`);
      if (confirm?.status === 200 && read?.body['status'] === 'confirmed') confirmed += 1;
    };
    let going = true;
    const loaded = load(one, () => going);
    for (let round = 0; round < ROUNDS; round += 1) await restartEachInTurn();
    going = false;
    await loaded;

    expect(new Set(balancer.failed)).toEqual(new Set());
    expect(confirmed).toBe(created.length);
    expect(balancer.requests).toBeGreaterThan(1_000);
    expect(created.filter(({ phone }) => deployment.provider.to(phone).length !== 1)).toEqual([]);
    expect(Math.max(...arrived.values())).toBeLessThan(LONGEST_GAP);
    for (const instance of running) expect(await instance.stop()).toEqual({ code: 0, signal: null });
    await balancer.ended();
  }, 150_000);

  it('without a delay answer every request that they carried out', async () => {
    const { balancer, running, restartEachInTurn } = await startBoth({ SHUTDOWN_DELAY: '0' });
    await database.query('TRUNCATE agreement CASCADE');
    const taken = new Set<string>();
    const one = async (): Promise<void> => {
      const answer = await balancer.request('POST', '/v1/agreement', { id_hash: 'somebody', phone: freshPhone() });
      if (answer?.status === 201) taken.add(String(answer.body['reference']));
    };
    let going = true;
    const loaded = load(one, () => going);
    await restartEachInTurn();
    going = false;
    await loaded;
    const stored = await database.query('SELECT reference FROM agreement');
    expect(stored.map(({ reference }) => reference).filter((reference) => !taken.has(String(reference)))).toEqual([]);
    expect(taken.size).toBeGreaterThan(100);
    for (const instance of running) expect(await instance.stop()).toEqual({ code: 0, signal: null });
    await balancer.ended();
  }, 90_000);
});
