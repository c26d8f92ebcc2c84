export { createDataSource } from './data-source.js';
export { DatabaseClock } from './database-clock.js';
export { Database, type Statement } from './database.js';
export { DatabaseUnavailable, isUnavailable } from './unavailable.js';
