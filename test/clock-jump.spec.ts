import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { codeIn, freshPhone } from './support/api.js';
import { describeWithKafka } from './support/kafka.js';
import { KafkaDeployment } from './support/kafka-deployment.js';
import type { ServiceProcess } from './support/process.js';
import { answers } from './support/sms-server.js';
import { until } from './support/until.js';

const CLOCK = fileURLToPath(new URL('./support/shifted-clock.mjs', import.meta.url));
const MINUTE = 60_000;
/** More than the hour that a broker lets a record's time run ahead of its own clock. */
const HOUR_AND_MORE = 61 * MINUTE;

describeWithKafka('a process whose clock is wrong', () => {
  const deployment = new KafkaDeployment();
  const { database, processes } = deployment;

  async function start(shift: number, env: Record<string, string> = {}): Promise<ServiceProcess> {
    const clock = { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_SHIFT: String(shift) };
    const all = deployment.environment({ ...clock, AGREEMENT_TTL: '7200', ...env });
    return (await processes.start(all)).ready(40_000);
  }

  const minutesFromNow = (time: unknown) => Math.round((Date.parse(String(time)) - Date.now()) / MINUTE) + 0;

  async function sentBy({ api }: ServiceProcess) {
    const phone = freshPhone();
    const { status, body } = await api.create({ phone });
    expect(status).toBe(201);
    const [text] = await deployment.provider.received(phone);
    const agreement = await api.until(body['reference'], { delivery: 'sent' });
    return { reference: String(body['reference']), phone, code: codeIn(text?.body.text ?? ''), agreement };
  }

  it.each([HOUR_AND_MORE, -HOUR_AND_MORE])(
    'by %i ms gives every time as the database has it',
    async (shift) => {
      const service = await start(shift);
      const { reference, code, agreement } = await sentBy(service);
      expect(minutesFromNow(agreement['created_at'])).toBe(0);
      expect(minutesFromNow(agreement['expires_at'])).toBe(120);
      expect(minutesFromNow(agreement['code_expires_at'])).toBe(15);
      expect(minutesFromNow(agreement['resend_available_at'])).toBe(1);
      expect(await service.api.post(`/v1/agreement/${reference}/resend`)).toMatchObject({
        status: 429,
        body: { code: 'resend_too_soon', retry_after: expect.any(Number) },
      });
      const confirmed = await service.api.confirm(reference, code);
      expect(confirmed).toMatchObject({ status: 200 });
      expect(minutesFromNow(confirmed.body['confirmed_at'])).toBe(0);
      const events = ['AgreementCreated', 'CodeSent', 'AgreementConfirmed'].map((name) =>
        deployment.topics.event(reference, name),
      );
      for (const { headers } of await Promise.all(events)) expect(minutesFromNow(headers['ce_time'])).toBe(0);
      await service.stop();
    },
    60_000,
  );

  it.each([HOUR_AND_MORE, -HOUR_AND_MORE])(
    'by %i ms lets codes and agreements expire by the database',
    async (shift) => {
      const service = await start(shift, { OTP_TTL: '60' });
      const { reference, code } = await sentBy(service);
      const code_is_over = `UPDATE agreement SET code_expires_at = now() - interval '1 second' WHERE reference = $1`;
      await database.query(code_is_over, [reference]);
      expect(await service.api.confirm(reference, code)).toMatchObject({ status: 410, body: { code: 'code_expired' } });
      await database.query(`UPDATE agreement SET expires_at = now() WHERE reference = $1`, [reference]);
      expect(await service.api.get(`/v1/agreement/${reference}`)).toMatchObject({ body: { status: 'expired' } });
      await deployment.topics.event(reference, 'AgreementExpired');
      await service.stop();
    },
    60_000,
  );

  it.each([HOUR_AND_MORE, -HOUR_AND_MORE])(
    'by %i ms tries again when the provider says, also by a date',
    async (shift) => {
      const service = await start(shift);
      const phone = freshPhone();
      const inTwoSeconds = new Date(Date.now() + 3_000).toUTCString();
      deployment.provider.willAnswer(phone, answers.status(429, { 'retry-after': inTwoSeconds }));
      const { body } = await service.api.create({ phone });
      await deployment.provider.received(phone, 2);
      await service.api.until(body['reference'], { delivery: 'sent' });
      await service.stop();
    },
    60_000,
  );

  it.each([HOUR_AND_MORE, -HOUR_AND_MORE])(
    'all at once, by %i ms, works on, with its dead letters',
    async (shift) => {
      const service = await start(shift, { CLOCK_JUMPS: 'yes' });
      await sentBy(service);
      service.signal('SIGUSR2');
      const { reference, code } = await sentBy(service);
      const buried = deployment.topics.deadLetters().length;
      await deployment.topics.put({ key: 'nobody', value: 'x' });
      await until('the dead letter', () => deployment.topics.deadLetters().length > buried);
      expect(await service.api.confirm(reference, code)).toMatchObject({ status: 200 });
      await deployment.topics.event(reference, 'AgreementConfirmed');
      expect(await service.stop()).toEqual({ code: 0, signal: null });
    },
    60_000,
  );
});
