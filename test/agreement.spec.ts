import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone, otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

describe('an agreement', () => {
  const database = useDatabase();
  let service: TestService;
  beforeAll(async () => {
    service = await startService(database);
  });

  it('is confirmed by the code that was sent to the phone', async () => {
    const phone = freshPhone();
    const created = await service.api.create({ phone });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ status: 'pending', delivery: 'queued', attempts_left: 3, codes_left: 4 });

    const code = await service.api.codeSentTo(phone);
    const confirmed = await service.api.confirm(created.body['reference'], code);

    expect(confirmed.status).toBe(200);
    expect(confirmed.body).toMatchObject({ status: 'confirmed', attempts_left: null });
    // The text may be read before its provider's answer is written down.
    await until('the delivery is known', async () => {
      const { body } = await service.api.get(`/v1/agreement/${created.body['reference']}`);
      return body['delivery'] === 'sent';
    });
  });

  it('counts wrong guesses down and takes none after the last', async () => {
    const phone = freshPhone();
    const { body } = await service.api.create({ phone });
    const wrong = otherThan(await service.api.codeSentTo(phone));
    for (const left of [2, 1, 0]) {
      const answer = await service.api.confirm(body['reference'], wrong);
      expect(answer).toMatchObject({ status: 422, body: { code: 'code_invalid', attempts_left: left } });
    }
    const answer = await service.api.confirm(body['reference'], wrong);
    expect(answer).toMatchObject({ status: 409, body: { code: 'attempts_exhausted' } });
  });
});
