import { readDatabaseSettings } from '../config.js';
import type { OperatorDatabase } from '../database/index.js';
import { type WaitingSends, waitingSends } from '../messaging/index.js';
import {
  dropParked,
  outboxState,
  type ParkedEvent,
  parkedEvents,
  retryParked,
  waitsUnparked,
} from '../outbox/index.js';
import { type Answer, count, NotThere, printable, readArgs, readLimit, subcommandOf, UsageError } from './command.js';
import { onDatabase } from './on-database.js';

const LINE = 'outbox status | parked [--limit N] | retry ID | retry --all | drop ID  [--json]';

const HELP = `npm run outbox -- COMMAND, or node dist/cli.js outbox COMMAND

  status              how many events wait to be published and since when, how many were parked,
                      whether a relay leads, how many texts are still to be sent
  parked [--limit N]  the events that Kafka or the consumer refused, and why (100)
  retry ID            lets the relay publish a parked event again; --all: every one
  drop ID             deletes a parked event; it is never published

ID is the event's id (ce_id) or its number (seq). --json prints one JSON document.`;

type Work = (database: OperatorDatabase) => Promise<Answer>;

/** What a subcommand does, from its arguments; they are read before anything is connected. */
const SUBCOMMANDS: Readonly<Record<string, (args: string[]) => Work>> = { status, parked, retry, drop };

/** The events that wait in the database, and those that were parked. */
export async function outbox([name = '', ...args]: string[]): Promise<Answer> {
  if ([name, ...args].includes('--help')) return { text: HELP, data: { usage: LINE } };
  const work = subcommandOf(SUBCOMMANDS, 'outbox', name, LINE)(args);
  return onDatabase(readDatabaseSettings(), work);
}

function status(args: string[]): Work {
  readArgs(args, { line: LINE, options: {}, words: [0, 0] });
  return async (database) => {
    const { led, ...events } = await outboxState(database);
    const sends = await waitingSends(database);
    const since = events.oldest_at
      ? `, the oldest since ${events.oldest_at.toISOString()} (${age(events.oldest_age)})`
      : '';
    const lines = [
      `Events  ${events.waiting} waiting${since}; ${events.parked} parked`,
      `Relay   ${led ? 'one leads' : 'NONE LEADS: no process with the role relay has this database'}`,
      `Sends   ${sends.waiting} waiting${due(sends)}`,
    ];
    return { text: lines.join('\n'), data: { ...events, relay_leads: led, sends } };
  };
}

function due({ due_at, overdue, retrying }: WaitingSends): string {
  if (!due_at || overdue === null) return '';
  const when = overdue < 0 ? `in ${age(-overdue)}` : `${age(overdue)} ago`;
  return `, ${retrying} of them tried before; the first is due ${due_at.toISOString()} (${when})`;
}

function parked(args: string[]): Work {
  const { values } = readArgs(args, {
    line: LINE,
    options: { limit: { type: 'string', default: '100' } },
    words: [0, 0],
  });
  const limit = readLimit(values.limit, LINE);
  return async (database) => {
    const events = await parkedEvents(database, limit);
    const total = events.length < limit ? events.length : (await outboxState(database)).parked;
    const more = total > events.length ? [`… and ${total - events.length} more (--limit)`] : [];
    const text = total === 0 ? 'Nothing is parked.' : [...events.map(described), ...more].join('\n');
    return { text, data: { parked: total, events } };
  };
}

function retry(args: string[]): Work {
  const { values, positionals } = readArgs(args, {
    line: LINE,
    options: { all: { type: 'boolean', default: false } },
    words: [0, 1],
  });
  const [id] = positionals;
  if (values.all === (id !== undefined)) throw new UsageError('Say which one, or --all', LINE);
  const which = id === undefined ? 'all' : eventId(id);
  return async (database) => {
    const retried = await retryParked(database, which);
    if (retried.length === 0 && which !== 'all') throw await notParked(database, which, id ?? '');
    const text =
      retried.length === 0
        ? 'Nothing is parked.'
        : [...retried.map(described), `${count(retried.length, 'event')} will be published again within 5 s.`].join(
            '\n',
          );
    return { text, data: { retried } };
  };
}

function drop(args: string[]): Work {
  const { positionals } = readArgs(args, { line: LINE, options: {}, words: [1, 1] });
  const [id = ''] = positionals;
  const which = eventId(id);
  return async (database) => {
    const dropped = await dropParked(database, which);
    if (!dropped) throw await notParked(database, which, id);
    const hole = `Dropped. Receivers will find no ce_sequence ${dropped.sequence} of ${printable(dropped.reference)}.`;
    return { text: `${described(dropped)}\n${hole}`, data: { dropped } };
  };
}

async function notParked(database: OperatorDatabase, which: ReturnType<typeof eventId>, id: string): Promise<NotThere> {
  const waits = await waitsUnparked(database, which);
  return new NotThere(
    waits ? `${id} is not parked: it waits to be published` : `There is no event ${id} in the outbox`,
  );
}

function eventId(text: string) {
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)) return { id: text };
  if (/^\d{1,18}$/.test(text)) return { seq: text };
  throw new UsageError(`'${printable(text)}' is neither an event's id nor its number`, LINE);
}

function described({ id, seq, type, reference, parked_at, error }: ParkedEvent): string {
  const why = printable(error ?? 'for no known reason');
  return `${id}  seq ${seq}  ${printable(type)} of ${printable(reference)}\n    parked ${parked_at.toISOString()}: ${why}`;
}

function age(seconds: number | null): string {
  const s = seconds ?? 0;
  if (s < 120) return `${s} s`;
  return s < 7200 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
}
