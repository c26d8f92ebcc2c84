import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds: the first wait, doubled with every further one up to the longest. */
export interface Backoff {
  readonly initial: number;
  readonly max: number;
}

/** @returns the milliseconds to wait after `attempt` (1, 2, …) has failed */
export function backoff(attempt: number, { initial, max }: Backoff): number {
  return Math.min(max, initial * 2 ** Math.min(attempt - 1, 30));
}

/** Waits, but not longer than until `signal` aborts. Never throws. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/**
 * Waits for `work`, but not beyond the abort of `signal`; leaves nothing behind on a signal that lives long.
 * @throws the signal's reason, or what `work` threw
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const abort = Promise.withResolvers<never>();
  const listener = () => abort.reject(signal.reason as Error);
  signal.addEventListener('abort', listener, { once: true });
  return await Promise.race([work, abort.promise]).finally(() => signal.removeEventListener('abort', listener));
}

/** Waits until `work` has ended, well or badly, but at most `ms`. @returns whether it ended in time */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const giveUp = new AbortController();
  const ended = work.then(
    () => true,
    () => true,
  );
  const late = delay(ms, false, { signal: giveUp.signal }).catch(() => false);
  return await Promise.race([ended, late]).finally(() => giveUp.abort());
}
