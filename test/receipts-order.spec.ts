import { beforeAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { watchEvents } from './support/raised-events.js';
import {
  aSentText,
  aTry,
  DELIVERED,
  ReceiptsProcess,
  type SentText,
  settledTexts,
  UNDELIVERED,
  UNTOUCHED,
} from './support/receipts.js';

describe('what a provider says', () => {
  const database = useDatabase();
  let one: ReceiptsProcess;
  let other: ReceiptsProcess;
  beforeAll(async () => {
    one = await ReceiptsProcess.start(database);
    other = await ReceiptsProcess.start(database);
    await watchEvents(database);
  });
  const { sendOf, eventsOf, settled, withoutNext } = settledTexts(database);

  describe('before its acceptance was recorded', () => {
    const record = ({ reference }: SentText) =>
      database.query(`UPDATE send_try SET outcome = 'accepted' WHERE reference = $1`, [reference]);
    const awaited = () => aSentText(database, { outcome: 'unknown' });

    it('waits for it', async () => {
      const text = await awaited();
      await one.delivered(text);
      await one.delivered(text);
      expect(await settled(text)).toEqual({ ...UNTOUCHED, kept: 1 });
      await record(text);
      await other.receipts.settle('smpp', [text.messageId ?? '']);
      expect(await settled(text)).toEqual(DELIVERED);
    });

    it('is found by the sweep where a crash came between', async () => {
      const text = await awaited();
      await one.delivered(text);
      await record(text);
      expect(await one.sweep()).toBe(1);
      expect(await settled(text)).toEqual(DELIVERED);
      expect(await one.sweep()).toBe(0);
    });

    it('is found under our id as well as under the provider’s, at once and by the sweep', async () => {
      for (const settle of [() => one.sweep(), (ids: string[]) => other.receipts.settle('smpp', ids)]) {
        const text = await awaited();
        await one.take({ messageIds: [text.id] });
        await record(text);
        await settle([text.messageId ?? '', text.id]);
        expect(await settled(text)).toEqual(DELIVERED);
      }
    });

    it('sends nothing again where both were said', async () => {
      const text = await awaited();
      await one.undelivered(text);
      await one.delivered(text);
      await record(text);
      await other.receipts.settle('smpp', [text.messageId ?? '']);
      expect(await settled(text)).toEqual(DELIVERED);
    });

    it('is not taken for what came under the same id later', async () => {
      await one.take({ messageIds: ['again'] });
      const text = await aSentText(database, { messageId: 'again', sentAgo: -1 });
      await other.receipts.settle('smpp', ['again']);
      expect(await settled(text)).toEqual({ ...UNTOUCHED, kept: 1 });
      await database.query('DELETE FROM delivery_receipt');
    });

    it('is seen by one of the two, whichever is first: 40 times at once', async () => {
      const texts = await Promise.all(Array.from({ length: 40 }, awaited));
      const both = texts.flatMap((text) => [
        one.delivered(text),
        record(text).then(() => other.receipts.settle('smpp', [text.messageId ?? ''])),
      ]);
      await Promise.all(both);
      for (const text of texts) expect(await settled(text)).toEqual(DELIVERED);
    });
  });

  describe('that it did not arrive', () => {
    const QUEUED = {
      send: { state: 'queued', reason: 'absent', provider: 'http' },
      events: ['CodeUndelivered'],
      kept: 0,
    };

    it('has the next provider asked, at once', async () => {
      const text = await aSentText(database);
      const woken = one.woken;
      await one.undelivered(text);
      expect(await settled(text)).toEqual(QUEUED);
      expect(one.woken).toBe(woken + 1);
      const due = 'SELECT reference FROM send WHERE reference = $1 AND next_attempt_at <= now() AND closed_at IS NULL';
      expect(await database.query(due, [text.reference])).toHaveLength(1);
    });

    it.each([
      ['two minutes of the code are left', { codeLeft: 125 }, QUEUED],
      ['less are left', { codeLeft: 119 }, UNDELIVERED],
      ['the agreement is confirmed', { status: 'confirmed' as const }, UNDELIVERED],
      ['the agreement is cancelled', { status: 'cancelled' as const }, UNDELIVERED],
      ['a newer code was asked for', { generation: 2 }, UNDELIVERED],
    ])('where %s', async (_when, fields, expected) => {
      const text = await aSentText(database, fields);
      await one.undelivered(text);
      expect(await settled(text)).toEqual(expected);
    });

    it('is the end where the other provider was asked before', async () => {
      const text = await withoutNext();
      await one.undelivered(text);
      expect(await settled(text)).toEqual(UNDELIVERED);
    });

    it('is the end after the second text', async () => {
      const text = await aSentText(database);
      await one.undelivered(text);
      await aTry(database, text.reference, { provider: 'http', outcome: 'accepted', messageId: 'second-text' });
      await database.query(`UPDATE send SET state = 'sent' WHERE reference = $1`, [text.reference]);
      await one.take({ messageIds: ['second-text'], provider: 'http', state: 'undelivered', reason: 'blocked' });
      const send = { state: 'undelivered', reason: 'blocked', provider: 'http' };
      expect(await settled(text)).toEqual({ send, events: ['CodeUndelivered', 'CodeUndelivered'], kept: 0 });
    });

    it('of the first text says nothing of the second', async () => {
      const text = await aSentText(database);
      await aTry(database, text.reference, { provider: 'http', outcome: 'accepted', messageId: 'newer-text' });
      await one.undelivered(text);
      expect(await settled(text)).toEqual(UNTOUCHED);
    });

    it('is forgotten where it was delivered while another one is on its way', async () => {
      const text = await aSentText(database);
      await one.undelivered(text);
      await one.delivered(text);
      expect(await settled(text)).toMatchObject({ send: DELIVERED.send, events: ['CodeUndelivered', 'CodeDelivered'] });
    });

    it('is one event and one further text, a hundred times at once over two processes', async () => {
      const text = await aSentText(database);
      const before = one.woken + other.woken;
      const many = Array.from({ length: 100 }, (_, n) => (n % 2 ? one : other).undelivered(text));
      await Promise.all(many);
      expect(await settled(text)).toEqual(QUEUED);
      expect(one.woken + other.woken).toBe(before + 1);
    });

    it('may be said of two texts of a code, and that both did arrive, at once over two processes: one event', async () => {
      const texts = await Promise.all(Array.from({ length: 20 }, () => aSentText(database)));
      for (const [n, { reference }] of texts.entries()) {
        await aTry(database, reference, { provider: 'http', outcome: 'accepted', messageId: `further-${n}` });
      }
      await Promise.all(
        texts.flatMap((text, n) => [
          one.delivered(text),
          other.take({ provider: 'http', messageIds: [`further-${n}`] }),
        ]),
      );
      for (const text of texts) expect(await eventsOf(text)).toEqual(['CodeDelivered']);
    });

    it('and that it did, at once over two processes: it did', async () => {
      const texts = await Promise.all(Array.from({ length: 20 }, () => aSentText(database)));
      await Promise.all(texts.flatMap((text) => [one.undelivered(text), other.delivered(text)]));
      for (const text of texts) {
        expect(await sendOf(text)).toEqual(DELIVERED.send);
        expect((await eventsOf(text)).filter((type) => type === 'CodeDelivered')).toHaveLength(1);
      }
    });
  });
});
