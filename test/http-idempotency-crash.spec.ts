import { beforeAll, describe, expect, it } from '@jest/globals';
import { Api, freshPhone, otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { freshKey, type PlainAnswer, postKeyed } from './support/keyed-request.js';
import { useProcesses } from './support/process.js';
import { historyOf } from './support/raised-events.js';
import { startService, testEnvironment, type TestService } from './support/service.js';

describe('a request with an Idempotency-Key whose process dies', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  let survivor: TestService;
  let api: Api;
  beforeAll(async () => {
    survivor = await startService(database);
    ({ api } = survivor);
  });

  /** The answer of another process to a request that one did not live to answer. */
  async function afterDeathAt(failpoint: string, path: string, body: unknown): Promise<PlainAnswer> {
    const env = { ROLES: 'api', FAILPOINTS: `${failpoint}=kill` };
    const victim = await (await processes.start(testEnvironment(database, env))).ready();
    const key = freshKey();
    await expect(postKeyed(victim.url + path, key, body)).rejects.toThrow('fetch failed');
    expect(await victim.end()).toEqual({ code: null, signal: 'SIGKILL' });
    const answer = await postKeyed(survivor.url + path, key, body);
    expect(await postKeyed(survivor.url + path, key, body)).toEqual({ ...answer, replayed: true });
    return answer;
  }

  const path = (reference: string, action = ''): string => `/v1/agreement/${reference}${action}`;
  const made = (idHash: string) => database.query('SELECT reference FROM agreement WHERE id_hash = $1', [idHash]);

  it('after the commit of a new agreement, is answered as it would have been: one agreement, one text', async () => {
    const phone = freshPhone();
    const answer = await afterDeathAt('create.saved', '/v1/agreement', { id_hash: 'saved', phone });
    expect(answer).toMatchObject({ status: 201, replayed: true });
    const { reference } = JSON.parse(answer.text) as { reference: string };
    expect(answer.location).toBe(path(reference));
    expect(await made('saved')).toEqual([{ reference }]);
    await api.codeSentTo(phone);
    await api.until(reference, { delivery: 'sent' });
    expect(await api.messages(phone)).toHaveLength(1);
  });

  it('before the commit of a new agreement, has left nothing and is done', async () => {
    const answer = await afterDeathAt('create.unsaved', '/v1/agreement', { id_hash: 'unsaved', phone: freshPhone() });
    expect(answer).toMatchObject({ status: 201, replayed: false });
    expect(await made('unsaved')).toHaveLength(1);
  });

  it('after the commit of a wrong guess, is told of that one attempt', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const answer = await afterDeathAt('change.saved', path(reference), { code: otherThan(code) });
    expect(answer).toMatchObject({ status: 422, code: 'code_invalid', replayed: true });
    expect((await api.get(path(reference))).body['attempts_left']).toBe(2);
  });

  it('after the commit of the right guess, is told that it is confirmed', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const answer = await afterDeathAt('change.saved', path(reference), { code });
    expect(answer).toMatchObject({ status: 200, replayed: true });
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'confirmed' });
  });

  it('before the commit of the right guess, confirms now', async () => {
    const { reference, code } = await api.createAndAwaitCode();
    const answer = await afterDeathAt('change.unsaved', path(reference), { code });
    expect(answer).toMatchObject({ status: 200, replayed: false });
    expect((await historyOf(database, reference)).filter((kind) => kind === 'confirmed')).toHaveLength(1);
  });
});
