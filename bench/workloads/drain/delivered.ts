import type { BenchKafka } from '../../kafka.js';
import type { Backlog } from './backlog.js';

/** The last events of their keys, by `ce_sequence`; and what was seen, by `ce_id`. */
interface Seen {
  readonly ids: Set<string>;
  readonly last: Map<string, number>;
}

/**
 * Reads the whole topic: each event of the backlog once, so many others once, and every key in order.
 * @param others how many events there are that are not of the backlog
 * @throws where one is lost, comes twice, comes too early, or was never raised
 */
export async function mustHaveDelivered(
  kafka: BenchKafka,
  topic: string,
  backlog: Backlog,
  others: number,
): Promise<void> {
  const seen: Seen = { ids: new Set(), last: new Map() };
  for await (const { key, headers } of kafka.read(topic)) {
    note(seen, backlog, key?.toString() ?? '', String(headers['ce_id']), Number(headers['ce_sequence']));
  }
  const lost = [...backlog.keys()].filter((id) => !seen.ids.has(id)).length;
  const unasked = seen.ids.size - (backlog.size - lost) - others;
  if (lost === 0 && unasked === 0) return;
  throw new Error(
    `void: of ${backlog.size} events ${lost} were lost; of ${others} others there are ${unasked} too many`,
  );
}

function note({ ids, last }: Seen, backlog: Backlog, key: string, id: string, sequence: number): void {
  if (ids.has(id)) throw new Error(`void: event ${id} came twice`);
  ids.add(id);
  const event = backlog.get(id);
  if (event && (event.key !== key || event.sequence !== sequence)) throw new Error(`void: event ${id} came changed`);
  if ((last.get(key) ?? 0) >= sequence) throw new Error(`void: event ${id} came after a later one of its key`);
  last.set(key, sequence);
}
