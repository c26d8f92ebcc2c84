import type { LimitName } from './admission.js';
import type { Quota } from './quota.js';

/** A limit stands against what was asked. Nothing of it was stored. */
export class LimitError extends Error {
  /**
   * @param retryAfter whole seconds until it may be asked again
   * @param quotas of the client's own limits; nothing that others have used up shows in them
   */
  constructor(
    readonly limit: LimitName,
    readonly retryAfter: number,
    readonly quotas: readonly Quota[],
  ) {
    super(`the limit ${limit} is reached`);
  }
}
