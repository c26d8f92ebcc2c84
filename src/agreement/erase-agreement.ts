import { DatabaseUnavailable, type OperatorDatabase } from '../database/index.js';
import { uuidv7 } from '../uuid.js';
import { changedRow, fromRow, loadParameters, saveParameters } from './agreement.rows.js';
import { LOAD, SAVE } from './agreement.sql.js';
import type { AgreementStatus } from './agreement.state.js';
import type { FoundRow } from './stored-agreements.repository.js';

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
    const [row] = await database.query<FoundRow>(LOAD, loadParameters([{ reference, client: null, key: null }]));
    if (!row?.reference) throw new Error(`the agreement ${reference} has gone`);
    const agreement = fromRow(row);
    // One whose time is over has ended by that.
    agreement.expire(row.now);
    if (agreement.progress.state.status === 'pending') agreement.cancel('erased', row.now);
    const { events } = agreement.changes;
    const ids = events.map(() => uuidv7());
    const { status } = agreement.progress.state;
    if (events.length === 0) return status;
    const changes = [changedRow(agreement, row.now, ids, null)];
    const [answer] = await database.query<{ saved: number[] | null }>(SAVE, saveParameters(changes));
    if (answer?.saved) return status;
  }
  throw new DatabaseUnavailable('the agreement changes faster than it can be saved');
}
