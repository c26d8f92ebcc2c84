import { describe, expect, it } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { FORGOTTEN } from '../src/messaging/send.sql.js';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService } from './support/service.js';

describe('a generation that nothing speaks of any more', () => {
  const database = useDatabase();

  it('is sent all the same, also while its event is lost', async () => {
    const api = await startService(database, { ROLES: 'api' });
    const phones = [freshPhone(), freshPhone()];
    const [forgotten, fresh] = await Promise.all(phones.map((phone) => api.api.create({ phone })));
    await api.stop();
    await database.query('DELETE FROM outbox');
    await database.query(`UPDATE agreement SET requested_at = now() - interval '61 seconds' WHERE reference = $1`, [
      forgotten?.body['reference'],
    ]);

    const service = await startService(database);

    await service.api.codeSentTo(phones[0] ?? '');
    const sends = await database.query<{ reference: string }>('SELECT reference FROM send');
    // The other one may still have its event under way: a minute is left for that.
    expect(sends.map(({ reference }) => reference)).toEqual([forgotten?.body['reference']]);
    expect(fresh?.status).toBe(201);
  });

  /** An agreement as if it were made and asked for so many seconds ago, and everything else about it lost. */
  async function madeAgo(seconds: number): Promise<{ reference: string; phone: string }> {
    const api = await startService(database, { ROLES: 'api' });
    const phone = freshPhone();
    const { body } = await api.api.create({ phone });
    await api.stop();
    await database.query('DELETE FROM outbox');
    const reference = uuidv7({ msecs: Date.now() - seconds * 1000 });
    await database.query(
      `UPDATE agreement SET reference = $2, created_at = now() - make_interval(secs => $3),
         requested_at = now() - make_interval(secs => $3) WHERE reference = $1`,
      [body['reference'], reference, seconds],
    );
    return { reference, phone };
  }

  it('is found by when its agreement was made, on the primary key', async () => {
    const { reference } = await madeAgo(1_200);
    const found = async (from: number, to: number) => {
      const rows = await database.query<{ reference: string }>(FORGOTTEN.text, [from, to, 1000]);
      return rows.some((row) => row.reference === reference);
    };
    expect(await found(1_260, 1_140)).toBe(true);
    expect(await found(3_600, 0)).toBe(true);
    expect(await found(600, 0)).toBe(false);
    expect(await found(3_600, 1_260)).toBe(false);

    await database.query('SET enable_seqscan = off');
    const plan = await database.query(`EXPLAIN ${FORGOTTEN.text}`, [600, 0, 1000]);
    await database.query('RESET enable_seqscan');
    expect(JSON.stringify(plan)).toMatch(/agreement_pkey.*?Index Cond: \(\(reference >= /);
  });

  it('is found at the start however long ago it was made', async () => {
    const { phone } = await madeAgo(20 * 3_600);
    const service = await startService(database);
    await service.api.codeSentTo(phone);
  });
});
