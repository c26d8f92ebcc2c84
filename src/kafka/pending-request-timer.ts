import { createRequire } from 'node:module';

/** What the fix needs of kafkajs/src/network/requestQueue/index.js, which has no types. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  /** Milliseconds since the epoch, -1 where the broker asks for no pause. */
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
  prototype: RequestQueue & { scheduleCheckPendingRequests(): void };
};

/** The interval of kafkajs itself for requests that wait without a throttle. */
const CHECK_AGAIN = 10;

/**
 * Replaces `RequestQueue.scheduleCheckPendingRequests` of kafkajs 2.2.4, its last release. The original computes
 * `throttledUntil - now`, which is negative on a broker that does not throttle, and sets a timer with it even when no
 * request waits: Node makes 1 ms of it, so every connection wakes up some 700 times a second for nothing, and Node 24
 * prints a TimeoutNegativeWarning. See https://github.com/tulios/kafkajs issues 1704, 1751 and pull request 1768 (not merged).
 *
 * Nothing is lost by not looking when nothing waits: a request that comes later schedules the check itself.
 */
export function fixPendingRequestTimer(): void {
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const throttledFor = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledFor > 0 ? throttledFor : CHECK_AGAIN,
    );
  };
}
