import { describe, expect, it } from '@jest/globals';
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
});
