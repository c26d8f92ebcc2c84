import { closedLoop } from './closed-loop.js';
import type { ListsOrder, LoadResult } from './load.js';

/** A closed loop in which each connection has requests of its own, in an order of its own. @throws where they are uneven */
export function loadLists({ url, key, lists }: ListsOrder): Promise<LoadResult> {
  const length = lists[0]?.length ?? 0;
  if (length === 0 || lists.some((list) => list.length !== length)) throw new Error('the lists must be equally long');
  const waiting = [...lists];
  return closedLoop({
    ...{ url, key, connections: lists.length, amount: lists.length * length },
    setupClient: (client) => client.setRequests(waiting.shift() ?? []),
  });
}
