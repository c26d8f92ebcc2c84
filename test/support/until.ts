import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for a condition, asking every 20 ms.
 * @param condition gives what was waited for, or something falsy while it is not there; may throw in between
 * @param within milliseconds; then the test fails with `what`
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  within = 10_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + within;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await delay(20);
  }
  throw new Error(`not within ${within} ms: ${what}`, { cause: last });
}
