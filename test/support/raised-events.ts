import type { TestDatabase } from './database.js';

/** An event as it lay in the outbox. */
export interface RaisedEvent {
  readonly type: string;
  readonly sequence: number;
  readonly payload: Record<string, any>;
}

/** Writes down every event that enters the outbox of a database: the relay takes them out again at once. */
export async function watchEvents(database: TestDatabase): Promise<void> {
  await database.query('CREATE TABLE raised (LIKE outbox)');
  await database.query(`
    CREATE FUNCTION note_raised() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO raised SELECT NEW.*; RETURN NULL; END $$`);
  await database.query('CREATE TRIGGER raised AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION note_raised()');
}

/** The events of one agreement since `watchEvents`, in their order, by their short names. */
export async function raisedBy(database: TestDatabase, reference: string): Promise<RaisedEvent[]> {
  const rows = await database.query<RaisedEvent>(
    'SELECT type, sequence, payload FROM raised WHERE aggregateid = $1 ORDER BY sequence',
    [reference],
  );
  return rows.map((row) => ({ ...row, type: row.type.split('.').at(-2) ?? '' }));
}

/** The kinds of the history's entries of one agreement, in their order. */
export async function historyOf(database: TestDatabase, reference: string): Promise<string[]> {
  const rows = await database.query<{ kind: string }>('SELECT kind FROM history WHERE reference = $1 ORDER BY seq', [
    reference,
  ]);
  return rows.map(({ kind }) => kind);
}
