import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeIn, freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithJsmpp, JsmppSimulator } from './support/jsmpp/jsmpp.js';
import { startService, type TestService } from './support/service.js';
import { Smsc, smscAnswers } from './support/smsc.js';
import { until } from './support/until.js';

describe('the SMS provider smpp', () => {
  const database = useDatabase();
  let smsc: Smsc;
  let service: TestService;
  const start = (): Promise<TestService> => startService(database, smsc.environment);
  beforeAll(async () => {
    smsc = await Smsc.start();
    service = await start();
  });
  afterAll(() => smsc.stop());

  const receipt = (phone: string, text: string) => ({
    source_addr: phone.slice(1),
    source_addr_ton: 1,
    source_addr_npi: 1,
    esm_class: 4,
    short_message: `id:${text} sub:001 dlvrd:001 submit date:2611211030 done date:2611211031 err:000 text:`,
  });
  const trySaid = async (reference: string) =>
    (await database.query('SELECT * FROM send_try WHERE reference = $1', [reference]))[0];

  it('is connected before the first text, so that receipts come', async () => {
    expect(await smsc.session()).toMatchObject({ isOpen: true });
    expect(smsc.submitted).toEqual([]);
  });

  it('hands the text over, and the code in it confirms', async () => {
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    const reference = String(body['reference']);
    const [submitted] = await smsc.received(phone);
    await service.api.until(reference, { delivery: 'sent' });
    expect(await service.api.confirm(reference, codeIn(submitted?.text ?? ''))).toMatchObject({ status: 200 });
    expect(smsc.to(phone)).toHaveLength(1);
  });

  it('says that a text has arrived before it says that it has taken it', async () => {
    const phone = freshPhone();
    smsc.willAnswer(phone, (submitted) => {
      const early = submitted.session.ask('deliver_sm', receipt(phone, '7777 stat:DELIVRD'));
      void early.then(() => smscAnswers.accepted('1e61')(submitted));
    });
    const { body } = await service.api.create({ phone });
    await service.api.until(String(body['reference']), { delivery: 'delivered' });
    expect(smsc.to(phone)).toHaveLength(1);
  });

  it('says so after a restart of the service, with the id written otherwise', async () => {
    const phone = freshPhone();
    smsc.willAnswer(phone, smscAnswers.accepted('00000000499602D2'));
    const { body } = await service.api.create({ phone });
    const reference = String(body['reference']);
    await service.api.until(reference, { delivery: 'sent' });
    await service.stop();
    service = await start();
    const session = await smsc.session();
    const answer = await session.ask('deliver_sm', receipt(phone, '1234567890 stat:UNDELIV'));
    expect(answer).toMatchObject({ command_status: 0 });
    await service.api.until(reference, { delivery: 'undelivered' });
    expect(await trySaid(reference)).toMatchObject({
      outcome: 'accepted',
      receipt: 'undelivered',
      receipt_reason: 'other',
    });
  });

  it('has refused the text: that is said', async () => {
    const phone = freshPhone();
    smsc.willAnswer(phone, smscAnswers.status(0x0b));
    const { body } = await service.api.create({ phone });
    await service.api.until(String(body['reference']), { delivery: 'failed', delivery_reason: 'refused' });
    expect(smsc.to(phone)).toHaveLength(1);
  });

  it('leaves no password, phone number or code in the log', () => {
    const log = service.log.join('\n');
    expect(log).toContain('"provider":"smpp"');
    const secrets = smsc.submitted.flatMap(({ to, text }) => [to, codeIn(text)]);
    expect(['secret8', ...secrets].filter((secret) => log.includes(secret))).toEqual([]);
  });
});

describeWithJsmpp('the SMS provider smpp, with the simulator of jsmpp as the SMSC', () => {
  const database = useDatabase();
  let simulator: JsmppSimulator;
  let service: TestService;
  beforeAll(async () => {
    simulator = await JsmppSimulator.start();
    service = await startService(database, simulator.environment);
  });
  afterAll(() => simulator.stop());

  it('takes the text, and its receipt makes it delivered', async () => {
    const { body } = await service.api.create({ phone: freshPhone(), locale: 'en' });
    const reference = String(body['reference']);
    const text = await until('a text', () => simulator.submitted[0]?.text);
    await service.api.until(reference, { delivery: 'delivered' });
    expect(simulator.submitted).toHaveLength(1);
    expect(await service.api.confirm(reference, codeIn(text))).toMatchObject({ status: 200 });
  });
});
