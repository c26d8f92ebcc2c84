export { createDataSource } from './data-source.js';
export { Database, type Statement } from './database.js';
export { DatabaseClock } from './database-clock.js';
export { Inserts } from './inserts.js';
export { OperatorDatabase } from './operator-database.js';
export { DatabaseUnavailable, isUnavailable } from './unavailable.js';
