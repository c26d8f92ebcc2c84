import { cancelErased } from '../agreement/index.js';
import type { OperatorDatabase } from '../database/index.js';
import { CLIENTS, ERASE, FORGET_ANSWERS, HELD, OF_PERSON } from './erasure.sql.js';

/** What is erased of one agreement: whether it was there, or how many rows. */
export interface Erased {
  readonly phone: boolean;
  readonly email: boolean;
  readonly ip: boolean;
  readonly user_agent: boolean;
  readonly sends: number;
  readonly tries: number;
  readonly sandbox_messages: number;
  /** Kept for callers who repeat a request with its Idempotency-Key. */
  readonly answers: number;
}

/** What is left of it. */
export interface Remains {
  readonly document: string;
  readonly created_at: Date;
  readonly confirmed_at: Date | null;
  readonly closed_at: Date | null;
  /** The id of the key of the contact's hash. */
  readonly contact_key_id: string;
  /** Entries of the history. */
  readonly history: number;
  /** The names in its metadata. */
  readonly metadata: readonly string[];
  /** What a caller gave, or the service; null where there is none. */
  readonly close_reason: string | null;
}

/** One agreement of the person. */
export interface ErasedAgreement {
  readonly reference: string;
  readonly client: string;
  readonly status: string;
  /** Whether it was pending until now. */
  readonly cancelled: boolean;
  readonly erased: Erased;
  readonly remains: Remains;
}

type HeldRow = Erased & Remains & { readonly reference: string; readonly client: string; readonly status: string };

/** Whose data, and whether they are only to be looked at. */
export interface Erasure {
  readonly idHash: string;
  /** Undefined: of all clients. */
  readonly client: string | undefined;
  readonly dryRun: boolean;
}

/**
 * Erases what can be erased of every agreement of a person, whatever its age and status; pending ones are cancelled first.
 * Repeating it erases what has come since. What it would erase, where it is a dry run.
 * @throws DatabaseUnavailable; what was erased until then stays erased
 */
export async function erase(
  database: OperatorDatabase,
  { idHash, client, dryRun }: Erasure,
): Promise<ErasedAgreement[]> {
  const clients = client === undefined ? await clientsOf(database) : [client];
  const references = await database.query<{ reference: string }>(OF_PERSON, [clients, idHash]);
  const erased: ErasedAgreement[] = [];
  for (const { reference } of references) {
    const before = await held(database, reference);
    if (!dryRun) await eraseOne(database, before);
    const after = dryRun ? before : await held(database, reference);
    erased.push(report(before, after));
  }
  return erased;
}

async function eraseOne(database: OperatorDatabase, { reference, client }: HeldRow): Promise<void> {
  // First, so that no text is sent any more to a number that is about to go.
  await cancelErased(database, reference);
  await database.query(ERASE, [reference]);
  await database.query(FORGET_ANSWERS, [client, reference]);
}

async function clientsOf(database: OperatorDatabase): Promise<string[]> {
  return (await database.query<{ client: string }>(CLIENTS)).map(({ client }) => client);
}

async function held(database: OperatorDatabase, reference: string): Promise<HeldRow> {
  const [row] = await database.query<HeldRow>(HELD, [reference]);
  if (!row) throw new Error(`the agreement ${reference} has gone`);
  return row;
}

function report(before: HeldRow, after: HeldRow): ErasedAgreement {
  const { reference, client, status } = after;
  const { phone, email, ip, user_agent, sends, tries, sandbox_messages, answers } = before;
  const { document, created_at, confirmed_at, closed_at, contact_key_id, history, metadata, close_reason } = after;
  return {
    ...{ reference, client, status, cancelled: before.status === 'pending' && status === 'cancelled' },
    erased: { phone, email, ip, user_agent, sends, tries, sandbox_messages, answers },
    remains: { document, created_at, confirmed_at, closed_at, contact_key_id, history, metadata, close_reason },
  };
}
