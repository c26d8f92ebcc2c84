import type { DatabaseSettings } from '../config.js';
import { DatabaseUnavailable, OperatorDatabase } from '../database/index.js';
import { Unreachable } from './command.js';

/** Does the work of a command on the database, and leaves no connection behind. @throws Unreachable where it is away */
export async function onDatabase<T>(
  settings: DatabaseSettings,
  work: (database: OperatorDatabase) => Promise<T>,
): Promise<T> {
  let database: OperatorDatabase | undefined;
  try {
    database = await OperatorDatabase.connect(settings);
    return await work(database);
  } catch (error) {
    throw error instanceof DatabaseUnavailable ? new Unreachable(error.message, { cause: error.cause }) : error;
  } finally {
    await database?.close();
  }
}
