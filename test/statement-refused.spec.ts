import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { startService, type TestService } from './support/service.js';
import { until } from './support/until.js';

describe('a statement that PostgreSQL refuses', () => {
  const database = useDatabase();
  let service: TestService;
  beforeAll(async () => {
    service = await startService(database);
  });

  /** What was logged since, once it says this. */
  async function loggedSince(from: number, words: string): Promise<string> {
    return until(`the log says: ${words}`, () => {
      const lines = service.log.slice(from).join('\n');
      return lines.includes(words) ? lines : undefined;
    });
  }

  it('for a constraint answers 500 and logs its name, not the row', async () => {
    const phone = freshPhone();
    await database.query(`ALTER TABLE agreement ADD CONSTRAINT planted CHECK (contact <> '${phone}') NOT VALID`);
    const from = service.log.length;
    const { status, body } = await service.api.create({ phone });
    await database.query('ALTER TABLE agreement DROP CONSTRAINT planted');
    expect({ status, code: body['code'] }).toEqual({ status: 500, code: 'internal_error' });
    const log = await loggedSince(from, 'internal error');
    expect(log).toContain('planted');
    expect(log + JSON.stringify(body)).not.toContain(phone.slice(2));
  });

  it.each(['22P02', 'P0001'])(
    'with a message that quotes the contact (%s) logs the code of the error alone',
    async (code) => {
      const phone = freshPhone();
      await database.query(`
      CREATE FUNCTION quoting() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'not this one: %', NEW.contact USING ERRCODE = '${code}'; END $$;
      CREATE TRIGGER quoting BEFORE INSERT ON agreement FOR EACH ROW EXECUTE FUNCTION quoting()`);
      const from = service.log.length;
      expect((await service.api.create({ phone })).status).toBe(500);
      await database.query('DROP FUNCTION quoting CASCADE');
      const log = await loggedSince(from, 'internal error');
      expect(log).toContain(`SQLSTATE ${code}`);
      expect(log).not.toContain(phone.slice(2));
    },
  );

  it('while a code is issued is logged by the sender without the row, and the text goes out later', async () => {
    const phone = freshPhone();
    await database.query(
      `ALTER TABLE agreement ADD CONSTRAINT planted CHECK (contact <> '${phone}' OR code_generation IS NULL) NOT VALID`,
    );
    const from = service.log.length;
    const { body } = await service.api.create({ phone });
    const log = await loggedSince(from, 'send interrupted');
    await database.query('ALTER TABLE agreement DROP CONSTRAINT planted');
    expect(log).toContain('planted');
    await database.query('UPDATE send SET next_attempt_at = now() WHERE reference = $1', [body['reference']]);
    // Another one to wake the sender.
    await service.api.createAndAwaitCode();
    const code = await service.api.codeSentTo(phone);
    expect(service.log.join('\n')).not.toContain(phone.slice(2));
    // With a time before it or a reference around it six digits may be anything.
    expect(service.log.slice(from).join('\n')).not.toMatch(new RegExp(String.raw`(?<![\da-f-])${code}(?![\da-f-])`));
  });

  it('while a message is handled is not repeated in its reason', async () => {
    const phone = freshPhone();
    await database.query(`ALTER TABLE send ADD CONSTRAINT planted CHECK (generation <> 1) NOT VALID`);
    const from = service.log.length;
    await service.api.create({ phone });
    const log = await loggedSince(from, 'planted');
    await database.query('ALTER TABLE send DROP CONSTRAINT planted');
    expect(log).not.toContain('Failing row');
    expect(log).not.toContain(phone.slice(2));
  });

  it('in the inbox of the sandbox is a text that waits, and nothing of it is logged', async () => {
    const phone = freshPhone();
    await database.query(`ALTER TABLE sandbox_message ADD CONSTRAINT planted CHECK (phone <> '${phone}') NOT VALID`);
    const from = service.log.length;
    await service.api.create({ phone });
    await loggedSince(from, 'sandbox_unavailable');
    await database.query('ALTER TABLE sandbox_message DROP CONSTRAINT planted');
    await service.api.codeSentTo(phone);
    expect(service.log.join('\n')).not.toContain(phone.slice(2));
  });
});
