import { randomUUID } from 'node:crypto';
import { beforeAll, expect, it } from '@jest/globals';
import { type Api, codeIn, freshPhone } from './support/api.js';
import { describeWithKafka } from './support/kafka.js';
import { KafkaDeployment } from './support/kafka-deployment.js';
import { until } from './support/until.js';

const COPIES = 100;

/** No relay: the specs put the events on the topic themselves, as they please. */
describeWithKafka('an event that comes again, late or too early', () => {
  const deployment = new KafkaDeployment();
  const { database, processes } = deployment;
  let api: Api;

  beforeAll(async () => {
    const env = deployment.environment({ OTP_RESEND_INTERVAL: '0', LOG_LEVEL: 'info' });
    const other = { ...env, KAFKA_GROUP_ID: `other-${deployment.topics.names.groupId}` };
    const all = [
      { ...env, ROLES: 'api' },
      { ...env, ROLES: 'worker' },
      { ...env, ROLES: 'worker' },
      { ...other, ROLES: 'worker' },
    ];
    const running = await Promise.all(all.map((one) => processes.start(one)));
    await Promise.all(running.map((service) => service.ready(50_000)));
    ({ api } = running[0]!);
  }, 90_000);

  async function create(): Promise<{ reference: string; phone: string }> {
    const phone = freshPhone();
    const { status, body } = await api.create({ phone });
    expect(status).toBe(201);
    return { reference: String(body['reference']), phone };
  }

  const event = (reference: string, name: string, generation: number, key = reference) => ({
    key,
    value: JSON.stringify({ reference, generation }),
    headers: { ce_specversion: '1.0', ce_id: randomUUID(), ce_type: `clients.agreement.${name}.v1` },
  });

  /** A copy for each of many keys, so that they lie on all partitions and are handled in parallel. */
  const copies = (reference: string, name: string, generation: number) =>
    Array.from({ length: COPIES }, (_, n) => event(reference, name, generation, n === 0 ? reference : `${n}`));

  async function put(...messages: ReturnType<typeof event>[]): Promise<void> {
    await deployment.topics.producer.sendBatch(messages);
    await until(
      'all are handled',
      async () => (await deployment.topics.committed()) === deployment.topics.events().length,
      20_000,
    );
    await until(
      'no send waits',
      async () => (await database.query(`SELECT FROM send WHERE state = 'queued'`)).length === 0,
    );
  }

  const row = async (reference: string) => {
    const rows = await database.query('SELECT status, version, generation FROM agreement WHERE reference = $1', [
      reference,
    ]);
    return rows[0];
  };

  const raised = async (reference: string, name: string) => {
    const text = `SELECT FROM outbox WHERE aggregateid = $1 AND type = $2`;
    return (await database.query(text, [reference, `clients.agreement.${name}.v1`])).length;
  };

  it('a hundred times at once, to three workers of two groups, makes one code and one text', async () => {
    const created = await Promise.all(Array.from({ length: 5 }, create));
    await put(...created.flatMap(({ reference }) => copies(reference, 'AgreementCreated', 1)));
    for (const { reference, phone } of created) {
      const texts = deployment.provider.to(phone);
      expect(texts).toHaveLength(1);
      expect(await raised(reference, 'CodeSent')).toBe(1);
      expect(await api.confirm(reference, codeIn(texts[0]?.body.text ?? ''))).toMatchObject({ status: 200 });
    }
  }, 40_000);

  it('in the wrong order sends the newest code alone', async () => {
    const { reference, phone } = await create();
    await database.query('UPDATE agreement SET generation = 2 WHERE reference = $1', [reference]);
    await put(...copies(reference, 'CodeRequested', 2), ...copies(reference, 'AgreementCreated', 1));
    const texts = deployment.provider.to(phone);
    expect(texts).toHaveLength(1);
    expect(await api.confirm(reference, codeIn(texts[0]?.body.text ?? ''))).toMatchObject({ status: 200 });
  }, 40_000);

  it.each(['confirmed', 'withdrawn', 'cancelled', 'rejected'])(
    'after the agreement was %s changes nothing',
    async (status) => {
      const { reference, phone } = await create();
      await put(event(reference, 'AgreementCreated', 1));
      await api.until(reference, { delivery: 'sent' });
      const code = codeIn(deployment.provider.to(phone)[0]?.body.text ?? '');
      if (status === 'cancelled') await api.post(`/v1/agreement/${reference}/cancel`);
      else if (status === 'rejected') {
        await database.query(
          `UPDATE agreement SET status = 'rejected', closed_at = now(),
        code_generation = NULL, code_key_id = NULL, code_nonce = NULL, code_hash = NULL WHERE reference = $1`,
          [reference],
        );
      } else await api.confirm(reference, code);
      if (status === 'withdrawn') await api.post(`/v1/agreement/${reference}/withdraw`);
      // As if what was sent had been forgotten: only the agreement's state stands against the event now.
      await database.query('DELETE FROM send_try WHERE reference = $1', [reference]);
      await database.query('DELETE FROM send WHERE reference = $1', [reference]);
      const before = await row(reference);
      expect(before?.['status']).toBe(status);
      await put(...copies(reference, 'AgreementCreated', 1));
      expect(deployment.provider.to(phone)).toHaveLength(1);
      expect(await row(reference)).toEqual(before);
    },
    40_000,
  );

  it.each(['pending', 'expired'])(
    'two days late, its agreement %s by its row, sends nothing and revives nothing',
    async (status) => {
      const { reference, phone } = await create();
      await database.query(
        `UPDATE agreement SET created_at = created_at - interval '2 days', requested_at = requested_at - interval '2 days',
         expires_at = expires_at - interval '2 days', status = $2,
         closed_at = CASE $2 WHEN 'expired' THEN expires_at - interval '2 days' END
       WHERE reference = $1`,
        [reference, status],
      );
      await put(...copies(reference, 'AgreementCreated', 1));
      expect(deployment.provider.to(phone)).toEqual([]);
      await api.until(reference, { status: 'expired' });
      await put(...copies(reference, 'AgreementCreated', 1));
      expect(await api.get(`/v1/agreement/${reference}`)).toMatchObject({
        body: { status: 'expired', delivery: 'failed' },
      });
      expect(deployment.provider.to(phone)).toEqual([]);
    },
    40_000,
  );
});
