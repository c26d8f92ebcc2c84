import { randomInt } from 'node:crypto';

/** Milliseconds; who says "at once" while it fails would else be asked in a tight loop. */
export const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;

/** Milliseconds until the next of so many tries: doubling, up to a minute, and never two senders in step. */
export function pauseAfter(tries: number): number {
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries - 1, 10));
  return randomInt(longest / 2, longest + 1);
}
