import { v7 as uuidv7 } from 'uuid';
import { DatabaseUnavailable, type OperatorDatabase } from '../database/index.js';
import { fromRow, saveParameters } from './agreement.rows.js';
import type { AgreementRow } from './agreement.schema.js';
import { LOAD, SAVE } from './agreement.sql.js';
import type { AgreementStatus } from './agreement.state.js';

/** Guesses and resends that may come between; the person whose data are erased is rarely typing. */
const MAX_CONFLICTS = 100;

/**
 * Gives an agreement up whose person is to be forgotten: a pending one is cancelled for the reason `erased`, like any
 * cancel with its history and its event, which the relay finds within 5 s. Others stay as they are.
 * @returns the status that it has then
 * @throws DatabaseUnavailable
 */
export async function cancelErased(database: OperatorDatabase, reference: string): Promise<AgreementStatus> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const [row] = await database.query<AgreementRow & { now: Date }>(LOAD, [reference, null]);
    if (!row) throw new Error(`the agreement ${reference} has gone`);
    const agreement = fromRow(row);
    // One whose time is over has ended by that.
    agreement.expire(row.now);
    if (agreement.progress.state.status === 'pending') agreement.cancel('erased', row.now);
    const { events } = agreement.changes;
    const ids = events.map(() => uuidv7());
    const { status } = agreement.progress.state;
    if (events.length === 0) return status;
    const saved = await database.query(SAVE, saveParameters(agreement, row.now, ids, null));
    if (saved.length > 0) return status;
  }
  throw new DatabaseUnavailable('the agreement changes faster than it can be saved');
}
