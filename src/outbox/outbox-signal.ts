import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { LOGGER, type Logger } from '../logger.js';

/** The channel of PostgreSQL on which a process tells the relay in another one that there is something to publish. */
export const OUTBOX_CHANNEL = 'agreement_outbox';

/** At most one NOTIFY in so many milliseconds: inside each commit it would take a global lock (23 k → 6 k commits/s). */
const APART = 20;

/**
 * Says that events were committed. A relay that leads in this process is woken at once; else a NOTIFY on a connection of
 * its own wakes the one that does: at once after a quiet time, and one more for all that is said within 20 ms of one.
 * Losing a signal loses time only: the relay also looks by itself.
 */
@Injectable()
export class OutboxSignal {
  #listener: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #again = false;

  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @param listener woken instead of a NOTIFY while set */
  listen(listener: (() => void) | undefined): void {
    this.#listener = listener;
  }

  notify(): void {
    if (this.#listener) this.#listener();
    else if (this.#timer) this.#again = true;
    else this.#notifyOthers();
  }

  #notifyOthers(): void {
    this.#again = false;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#again) this.#notifyOthers();
    }, APART).unref();
    this.database
      .query({ name: 'outbox_notify', text: `SELECT pg_notify('${OUTBOX_CHANNEL}', '')` }, [])
      .catch((error: unknown) => {
        this.logger.debug({ reason: String(error) }, 'the relay was not notified; it looks by itself');
      });
  }
}
