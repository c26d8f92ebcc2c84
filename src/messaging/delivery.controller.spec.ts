import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { pino } from 'pino';
import { readConfig } from '../config.js';
import { DeliveryController } from './delivery.controller.js';
import type { Receipts } from './receipts.js';
import type { Receipt, ReceiptReader } from './sms/sms-gateway.js';

const receipt = (id: number): Receipt => ({
  ...{ provider: 'http', messageIds: [String(id)], recipient: null, state: 'delivered', reason: null },
});
const MANY = Array.from({ length: 200 }, (_, id) => receipt(id));

/** What a body with so many receipts does to what takes them, of which `broken` are never taken. */
async function takeMany(...broken: number[]) {
  const taken: string[] = [];
  let open = 0;
  let most = 0;
  const receipts: Pick<Receipts, 'take'> = {
    take: async ({ messageIds: [id = ''] }) => {
      most = Math.max(most, (open += 1));
      await nextTurn();
      open -= 1;
      if (broken.includes(Number(id))) throw new Error(`no ${id}`);
      taken.push(id);
    },
  };
  const reader: ReceiptReader = { provider: 'http', read: () => MANY };
  const config = readConfig({ DATABASE_URL: 'postgres://unused/unused' });
  const controller = new DeliveryController(
    ...([config, pino({ level: 'silent' }), new Map([['http', reader]]), receipts as Receipts] as const),
  );
  const request = { headers: {}, body: Buffer.alloc(0), originalUrl: '/v1/delivery/http' } as FastifyRequest;
  const failed = await controller.take('http', request).then(() => null, String);
  return { taken, most, open, failed };
}

describe('a body of many receipts', () => {
  it('is taken several side by side, and not all at once', async () => {
    const { taken, most, failed } = await takeMany();
    expect(failed).toBeNull();
    expect(taken.toSorted((a, b) => Number(a) - Number(b))).toEqual(MANY.map(({ messageIds: [id] }) => id));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(10);
  });

  it('is taken but for what cannot be kept, which the provider is told of when nothing is under way any more', async () => {
    const { taken, open, failed } = await takeMany(3, 150);
    expect(failed).toMatch(/^Error: no (3|150)$/);
    expect([taken.length, open]).toEqual([198, 0]);
  });
});
