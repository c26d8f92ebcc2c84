import { isUnavailable } from '../database/index.js';
import { type Answer, readArgs, Unreachable } from './command.js';

type MigrationSource = Awaited<typeof import('../migration.data-source.js')>['default'];

const NOTHING_MORE = { options: {}, words: [0, 0] } as const;

/** Applies the migrations that the database does not have yet. */
export async function runMigrations(args: string[]): Promise<Answer> {
  if (args.includes('--help')) return { text: 'Brings the database of DATABASE_URL up to date.', data: {} };
  readArgs(args, { line: 'migration:run  [--json]', ...NOTHING_MORE });
  const applied = (await migrate((source) => source.runMigrations())).map(({ name }) => name);
  const text = applied.length === 0 ? 'The schema is up to date.' : `Applied: ${applied.join(', ')}`;
  return { text, data: { applied } };
}

/** Takes the newest migration back. */
export async function revertMigration(args: string[]): Promise<Answer> {
  if (args.includes('--help')) return { text: 'Takes the newest migration of DATABASE_URL back.', data: {} };
  readArgs(args, { line: 'migration:revert  [--json]', ...NOTHING_MORE });
  await migrate((source) => source.undoLastMigration());
  return { text: 'The newest migration is reverted.', data: { reverted: true } };
}

async function migrate<T>(work: (source: MigrationSource) => Promise<T>): Promise<T> {
  const { default: source } = await import('../migration.data-source.js');
  await source.initialize().catch(unreachable);
  try {
    return await work(source);
  } catch (error) {
    if (isUnavailable(error)) unreachable(error);
    throw error;
  } finally {
    await source.destroy();
  }
}

function unreachable(error: unknown): never {
  throw new Unreachable('PostgreSQL cannot be reached', { cause: error });
}
