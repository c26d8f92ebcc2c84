export { Batches } from './batches.js';
export { createDataSource } from './data-source.js';
export { Database, type Query, type Statement } from './database.js';
export { DatabaseClock } from './database-clock.js';
export { firstReference } from './first-reference.js';
export { OperatorDatabase } from './operator-database.js';
export { Stretches } from './stretches.js';
export { DatabaseUnavailable, isUnavailable } from './unavailable.js';
