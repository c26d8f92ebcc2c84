import { agreementSchema } from './agreement/index.js';
import { ConfigError, readDatabaseSettings } from './config.js';
import { createDataSource } from './database/index.js';

/** Milliseconds; whoever waits for a server that is coming up asks again. */
const CONNECT_TIMEOUT = 4_000;

/** What TypeORM's command line works on: the database of `DATABASE_DIRECT_URL`, or `DATABASE_URL`. */
function migrationDataSource(): ReturnType<typeof createDataSource> {
  const settings = readDatabaseSettings();
  if (!settings.directUrl) throw new ConfigError(['DATABASE_URL: must name the database to migrate']);
  return createDataSource(settings.directUrl.reveal(), settings, [agreementSchema], {
    connectionTimeoutMillis: CONNECT_TIMEOUT,
  });
}

export default migrationDataSource();
