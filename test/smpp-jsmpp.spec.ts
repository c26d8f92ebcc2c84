import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { SmppGateway } from '../src/messaging/sms/smpp-gateway.js';
import type { Receipt, SmsOutcome } from '../src/messaging/sms/sms-gateway.js';
import { Secret } from '../src/secret.js';
import { describeWithJsmpp, JsmppSimulator } from './support/jsmpp/jsmpp.js';
import { until } from './support/until.js';

const PHONE = '+79161234567';
const RUSSIAN = 'Ваш код 012345 действует 15 минут.';

describeWithJsmpp('the SMPP gateway and the simulator of jsmpp', () => {
  let smsc: JsmppSimulator;
  let gateway: SmppGateway;
  const receipts: Receipt[] = [];
  const log: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(line) });
  beforeAll(async () => {
    smsc = await JsmppSimulator.start();
  });
  afterEach(() => gateway.stop());
  afterAll(() => smsc.stop());

  function use(longText: 'payload' | 'udh' = 'udh'): SmppGateway {
    receipts.length = 0;
    const settings = {
      url: new Secret(smsc.url),
      ca: undefined,
      window: 10,
      perSecond: 100,
      longText,
      receiptId: 'auto',
    } as const;
    const take = (receipt: Receipt): Promise<void> => Promise.resolve(void receipts.push(receipt));
    gateway = new SmppGateway(settings, 'Shop', take, logger);
    return gateway;
  }

  const send = (text: string, n = 0, within = 5_000): Promise<SmsOutcome> => {
    const message = { id: `m-${String(n)}`, reference: 'r', to: new Secret(PHONE), text: new Secret(text), mail: null };
    const now = performance.now();
    const time = { sendBefore: now + within, usefulBefore: now + 840_000, signal: AbortSignal.timeout(within) };
    return gateway.send(message, time);
  };

  it('hand texts over, and receipts back that name them though their ids are written otherwise', async () => {
    use();
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map((n) => send(`Code 01234${String(n)} @ Shop`, n)));
    const ids = outcomes.map((outcome) => (outcome.kind === 'accepted' ? outcome.messageId : outcome.kind));
    expect(smsc.submitted.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    expect(smsc.submitted.map(({ text }) => text)).toContain('Code 012341 \0 Shop');
    await until('five receipts', () => receipts.length === 5, 15_000);
    expect(receipts.map(({ messageIds: [first] }) => first).toSorted()).toEqual(ids.toSorted());
    expect(receipts.map(({ state, recipient }) => [state, recipient?.reveal()])).toEqual(
      Array(5).fill(['delivered', PHONE]),
    );
  });

  it('speak Russian, and long texts in parts and whole', async () => {
    use();
    expect(await send(RUSSIAN)).toMatchObject({ kind: 'accepted' });
    expect(await send('a'.repeat(200))).toMatchObject({ kind: 'accepted' });
    await gateway.stop();
    use('payload');
    expect(await send('b'.repeat(200))).toMatchObject({ kind: 'accepted' });
    const texts = smsc.submitted.map(({ text }) => text);
    expect(texts).toContain(Buffer.from(RUSSIAN, 'utf16le').swap16().toString('latin1'));
    expect(texts.filter((text) => /a{40}/.test(text)).map((text) => text.slice(6).length)).toEqual([153, 47]);
  });

  it('go on after a restart', async () => {
    use();
    await send('before');
    await smsc.restart();
    expect(await send('after the restart')).toMatchObject({ kind: 'accepted' });
  });

  it('do not wait for a simulator that hangs: the text’s end is unknown, and later ones go on', async () => {
    use();
    await send('before');
    smsc.pause();
    expect(await send('while it hangs', 0, 500)).toEqual({ kind: 'unknown', reason: 'timeout' });
    smsc.resume();
    expect(await send('after it')).toMatchObject({ kind: 'accepted' });
  });
});
