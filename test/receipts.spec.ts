import { beforeAll, describe, expect, it } from '@jest/globals';
import { secretPhone } from '../src/agreement/phone-number.js';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { historyOf, raisedBy, watchEvents } from './support/raised-events.js';
import { aSentText, DELIVERED, ReceiptsProcess, settledTexts, UNDELIVERED, UNTOUCHED } from './support/receipts.js';

const HOUR = 3600;
const OLD_KEY = Buffer.alloc(32, 7).toString('base64');

describe('what a provider says of a text', () => {
  const database = useDatabase();
  let one: ReceiptsProcess;
  let other: ReceiptsProcess;
  beforeAll(async () => {
    one = await ReceiptsProcess.start(database);
    other = await ReceiptsProcess.start(database);
    await watchEvents(database);
  });
  const { eventsOf, kept, settled, withoutNext } = settledTexts(database);

  it('is an event of the agreement, without a new version', async () => {
    const text = await aSentText(database);
    await one.delivered(text);
    expect(await settled(text)).toEqual(DELIVERED);
    const [agreement] = await database.query('SELECT version, sequence FROM agreement WHERE reference = $1', [
      text.reference,
    ]);
    expect(agreement).toEqual({ version: 3, sequence: 3 });
    expect(await raisedBy(database, text.reference)).toMatchObject([
      { sequence: 3, payload: { reference: text.reference, generation: 1, channel: 'sms', provider: 'smpp' } },
    ]);
    expect(await historyOf(database, text.reference)).toEqual(['code_delivered']);
    const [said] = await database.query(
      'SELECT receipt, receipt_reason, receipt_at FROM send_try WHERE reference = $1',
      [text.reference],
    );
    expect(said).toEqual({ receipt: 'delivered', receipt_reason: null, receipt_at: expect.any(Date) });
  });

  it('has its reason where the text did not arrive', async () => {
    const text = await withoutNext();
    await one.undelivered(text);
    expect(await settled(text)).toEqual(UNDELIVERED);
    expect(await raisedBy(database, text.reference)).toMatchObject([
      { payload: { reason: 'absent', provider: 'smpp' } },
    ]);
  });

  it('changes nothing when it is repeated', async () => {
    const [good, bad] = [await aSentText(database), await withoutNext()];
    for (let times = 0; times < 3; times += 1) {
      await one.delivered(good);
      await other.undelivered(bad);
    }
    expect(await settled(good)).toEqual(DELIVERED);
    expect(await settled(bad)).toEqual(UNDELIVERED);
  });

  it('is delivered in the end, in whatever order it is said', async () => {
    const [first, last] = [await withoutNext(), await withoutNext()];
    await one.delivered(first);
    await one.undelivered(first);
    await one.undelivered(last);
    await one.delivered(last);
    expect(await settled(first)).toEqual(DELIVERED);
    expect(await settled(last)).toMatchObject({ send: DELIVERED.send, events: ['CodeUndelivered', 'CodeDelivered'] });
  });

  it('is taken 71 hours after the text, and not after 73', async () => {
    const [early, late] = [
      await aSentText(database, { sentAgo: 71 * HOUR }),
      await aSentText(database, { sentAgo: 73 * HOUR }),
    ];
    await one.delivered(early);
    expect(await settled(early)).toEqual(DELIVERED);
    await one.delivered(late);
    expect(await settled(late)).toEqual({ ...UNTOUCHED, kept: 1 });
    await database.query('DELETE FROM delivery_receipt');
  });

  it('speaks of the text of that provider', async () => {
    const messageId = 'same-id';
    const [smpp, http] = [
      await aSentText(database, { messageId }),
      await aSentText(database, { messageId, provider: 'http' }),
    ];
    await one.take({ messageIds: [messageId], provider: 'http' });
    expect(await settled(smpp)).toEqual(UNTOUCHED);
    expect(await settled(http)).toMatchObject({ events: ['CodeDelivered'] });
  });

  it('is of nobody where the id fits two people, unless it names one of them', async () => {
    const messageId = 'twice';
    const [text, another] = [await aSentText(database, { messageId }), await aSentText(database, { messageId })];
    await one.take({ messageIds: [messageId] });
    expect([await eventsOf(text), await eventsOf(another), await kept()]).toEqual([[], [], 1]);
    await one.delivered(another);
    expect([await eventsOf(text), await eventsOf(another)]).toEqual([[], ['CodeDelivered']]);
    await database.query('DELETE FROM delivery_receipt');
  });

  it('is of nobody where it names somebody else', async () => {
    const text = await aSentText(database);
    await one.take({ messageIds: [text.messageId ?? ''], recipient: secretPhone(freshPhone()) });
    expect(await settled(text)).toEqual({ ...UNTOUCHED, kept: 1 });
    await database.query('DELETE FROM delivery_receipt');
  });

  it('finds its person also under a key that makes new hashes no longer', async () => {
    const { CONTACT_KEYS: current = '' } = (await import('./support/service.js')).testEnvironment(database);
    const rotated = await ReceiptsProcess.start(database, { CONTACT_KEYS: `newer:${OLD_KEY},${current}` });
    const text = await aSentText(database);
    await rotated.delivered(text);
    expect(await settled(text)).toEqual(DELIVERED);
  });

  it('is matched by any way of writing the id, the likeliest first', async () => {
    const [hex, decimal] = [
      await aSentText(database, { messageId: '7b' }),
      await aSentText(database, { messageId: '123' }),
    ];
    await one.take({ messageIds: ['7B', '7b', '123'] });
    expect(await settled(hex)).toEqual(DELIVERED);
    expect(await settled(decimal)).toEqual(UNTOUCHED);
  });

  it('is matched by our own id, whether or not the provider gave one', async () => {
    const [without, withId] = [
      await aSentText(database, { messageId: null, provider: 'http' }),
      await aSentText(database, { provider: 'http' }),
    ];
    for (const { id } of [without, withId]) await one.take({ messageIds: [id], provider: 'http' });
    expect(await eventsOf(without)).toEqual(['CodeDelivered']);
    expect(await settled(withId)).toMatchObject({ events: ['CodeDelivered'], kept: 0 });
  });

  it('is of the newest text without an end where it names the person, whose texts have one id', async () => {
    const messageId = '1';
    const old = await aSentText(database, { messageId, sentAgo: 600 });
    const newer = await aSentText(database, { messageId, sentAgo: 60, phone: old.phone });
    await one.delivered(newer);
    expect([await eventsOf(old), await eventsOf(newer)]).toEqual([[], ['CodeDelivered']]);
    await one.delivered(newer);
    expect([await eventsOf(old), await eventsOf(newer)]).toEqual([['CodeDelivered'], ['CodeDelivered']]);
    await one.delivered(newer);
    expect([await eventsOf(old), await eventsOf(newer)]).toEqual([['CodeDelivered'], ['CodeDelivered']]);
  });

  it.each([
    ['an id of nobody', 'nothing'],
    ['no id', ''],
    ['an id with NUL', 'x\0y'],
    ['an endless id', 'y'.repeat(10_000)],
    ['an id with SQL in it', "'; DROP TABLE send; --"],
    ['what is almost an id of ours', '1234'.repeat(8)],
  ])('may be of %s', async (_what, id) => {
    await expect(one.take({ messageIds: [id] })).resolves.toBeUndefined();
    await expect(one.take({ messageIds: Array.from({ length: 1000 }, (_, n) => id + n) })).resolves.toBeUndefined();
    await database.query('DELETE FROM delivery_receipt');
  });

  it('is kept for 72 hours where it fits nothing, and no longer', async () => {
    await one.take({ messageIds: ['early'] });
    await one.take({ messageIds: ['late'] });
    const age = `UPDATE delivery_receipt SET received_at = now() - make_interval(hours => $2) WHERE $1 = ANY (message_ids)`;
    await database.query(age, ['early', 73]);
    await database.query(age, ['late', 71]);
    expect(await one.purge()).toBe(1);
    expect(await database.query('DELETE FROM delivery_receipt RETURNING message_ids')).toEqual([
      { message_ids: ['late'] },
    ]);
  });

  it('is counted by what it says and whether it fitted, and logged without the number', async () => {
    const measured = await ReceiptsProcess.start(database);
    const text = await aSentText(database, { outcome: 'unknown', sentAgo: 90 });
    await measured.delivered(text);
    await database.query(`UPDATE send_try SET outcome = 'accepted' WHERE reference = $1`, [text.reference]);
    await measured.receipts.settle('smpp', [text.messageId ?? '']);
    await measured.delivered(text);
    const scraped = await measured.metrics.scrape();
    for (const matched of ['waits', 'later', 'at_once']) {
      expect(scraped).toContain(`agreement_receipts_total{provider="smpp",state="delivered",matched="${matched}"} 1`);
    }
    expect(scraped).toContain('agreement_receipt_delay_seconds_bucket{le="60",provider="smpp",state="delivered"} 0');
    expect(scraped).toContain('agreement_receipt_delay_seconds_bucket{le="300",provider="smpp",state="delivered"} 1');
    const { reference, phone } = text;
    const said = measured.log.filter(({ msg }) => msg === 'receipt');
    expect(said).toMatchObject([{ reference, generation: 1, try: 1, provider: 'smpp', state: 'delivered' }]);
    expect(JSON.stringify(measured.log)).not.toContain(phone.slice(1));
  });

  it.each(['confirmed', 'cancelled'] as const)('is an event also where the agreement is %s by then', async (status) => {
    const text = await aSentText(database, { status });
    await one.delivered(text);
    expect(await settled(text)).toEqual(DELIVERED);
    const undelivered = await aSentText(database, { status });
    await one.undelivered(undelivered);
    expect(await settled(undelivered)).toEqual(UNDELIVERED);
  });

  it('of an old code leaves the newest one alone', async () => {
    const text = await aSentText(database, { generation: 2 });
    await database.query(
      `INSERT INTO send (reference, generation, id, state, provider) VALUES ($1, 2, gen_random_uuid(), 'sent', 'smpp')`,
      [text.reference],
    );
    await one.undelivered(text);
    const sends = 'SELECT generation, state FROM send WHERE reference = $1 ORDER BY generation';
    expect(await database.query(sends, [text.reference])).toEqual([
      { generation: 1, state: 'undelivered' },
      { generation: 2, state: 'sent' },
    ]);
    expect(await raisedBy(database, text.reference)).toMatchObject([{ payload: { generation: 1 } }]);
  });
});
