import { createHash, createHmac } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { RequestKeys } from '../src/agreement/keyed-request.js';
import { Secret } from '../src/secret.js';
import { useDatabase } from './support/database.js';
import { freshKey, postKeyed } from './support/keyed-request.js';
import { startService, testEnvironment, type TestService } from './support/service.js';
import { until } from './support/until.js';

interface Kept extends Record<string, unknown> {
  readonly client: string;
  readonly key: string;
  readonly fingerprint: Buffer;
  readonly fingerprint_key_id: string;
}

describe('what is kept under an Idempotency-Key', () => {
  const database = useDatabase();
  let service: TestService;
  beforeAll(async () => {
    service = await startService(database);
  });

  /** A confirmation under a key: what is known of it, and its row. */
  async function confirmed() {
    const agreement = await service.api.createAndAwaitCode();
    const { reference, code } = agreement;
    const key = freshKey();
    expect(await postKeyed(`${service.url}/v1/agreement/${reference}`, key, { code })).toMatchObject({ status: 200 });
    const [row] = await database.query<Kept>('SELECT * FROM idempotency_key WHERE key = $1', [key]);
    return { ...agreement, row: row! };
  }

  /** What a thief of the database can write down for a guess at the code, having read this file. */
  function formsOf(code: string, reference: string): string[] {
    const body = { code };
    const canonical = JSON.stringify(['POST', '/v1/agreement/:reference', reference, body]);
    return [code, JSON.stringify(body), canonical, `${reference}${code}`, `${reference}${JSON.stringify(body)}`];
  }

  it('holds neither the code nor the phone number', async () => {
    const { reference, phone, code } = await confirmed();
    const create = freshKey();
    await postKeyed(`${service.url}/v1/agreement`, create, { id_hash: 'h', phone });
    const rows = await database.query<{ text: string }>(
      `SELECT concat_ws(' ', client, key, status, answer, encode(fingerprint, 'escape')) AS text FROM idempotency_key`,
    );
    const all = rows.map(({ text }) => text).join('\n');
    expect(all).toContain(reference);
    expect(all).toContain(`${phone.slice(0, 5)}•••••${phone.slice(-2)}`);
    expect(all).not.toContain(phone.slice(1));
    // Not as a number of its own; within a reference or a time six digits may fall together.
    expect(new RegExp(`(?<![\\da-f-])${code}(?![\\da-f-])`).exec(all)).toBeNull();
  });

  it('does not let a guess at the code be checked by whoever has the database alone', async () => {
    const { reference, code, row } = await confirmed();
    const { client, key, fingerprint, fingerprint_key_id: keyId } = row;
    expect(fingerprint).toHaveLength(32);
    // If any of these could be told from the right code, it could from each of a million.
    const plain = formsOf(code, reference).flatMap((form) => [
      createHash('sha256').update(form).digest(),
      ...[client, key, keyId, reference, 'fingerprint', ''].flatMap((known) => [
        createHmac('sha256', known).update(form).digest(),
        createHash('sha256').update(known).update(form).digest(),
      ]),
    ]);
    expect(plain.filter((hash) => hash.equals(fingerprint))).toEqual([]);

    // With the key it can: so the forms above are the right ones, and the key is all that is missing.
    const secret = testEnvironment(database)['CONTACT_KEYS']!.split(':')[1]!;
    const keys = new RequestKeys([{ id: keyId, secret: Buffer.from(secret, 'base64') }]);
    const known = formsOf(code, reference).filter((form) =>
      keys.matches({ client, key, status: 200, content: () => new Secret(form) }, { keyId, hash: fingerprint }),
    );
    expect(known).toHaveLength(1);
  });

  it('is removed by the sweep once its 24 hours are over, and not before', async () => {
    await database.query(
      `INSERT INTO idempotency_key (client, key, fingerprint, fingerprint_key_id, status, answer, created_at)
       SELECT 'swept', n::text, '\\x00', 'k', 200, '{}', now() - CASE WHEN n <= 3 THEN interval '23 hours' ELSE interval '25 hours' END
       FROM generate_series(1, 2503) AS n`,
    );
    const sweeping = await startService(database);
    const left = () => database.query(`SELECT key FROM idempotency_key WHERE client = 'swept' ORDER BY key`);
    await until('the old ones are gone', async () => (await left()).length === 3);
    expect(await left()).toEqual([{ key: '1' }, { key: '2' }, { key: '3' }]);
    // The first service sweeps as well, when its time comes.
    const swept = (): number =>
      [...service.log, ...sweeping.log]
        .filter((line) => line.includes('kept answers expired'))
        .reduce((sum, line) => sum + (JSON.parse(line) as { count: number }).count, 0);
    await until('it is in the log', () => swept() === 2_500);
  });
});
