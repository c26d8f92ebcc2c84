import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { urlOf } from './embedded-postgres.js';
import { findPostmaster } from './embedded-postgres-process.js';
import { DatabaseUnavailable } from './unavailable.js';

/**
 * Where the embedded PostgreSQL of a service listens that runs now; nothing is started.
 * @param dataDir absolute
 * @throws DatabaseUnavailable saying what to do, where none runs or its password cannot be read
 */
export async function runningPostgres(dataDir: string): Promise<string> {
  const home = join(dataDir, 'postgres');
  const found = await findPostmaster({ folder: join(home, 'data'), password: '' }).catch(unreadable(home));
  if (!found?.lives || found.port === 0) {
    throw new DatabaseUnavailable(
      `DATABASE_URL is not set, and no service runs on ${dataDir}: start it (npm start), or set DATABASE_URL or DATA_DIR`,
    );
  }
  const password = await readFile(join(home, 'password'), 'utf8').catch(unreadable(home));
  return urlOf(found.port, password);
}

function unreadable(home: string): (error: unknown) => never {
  return (error) => {
    throw new DatabaseUnavailable(`${home} belongs to another user: run this as that user`, { cause: error });
  };
}
