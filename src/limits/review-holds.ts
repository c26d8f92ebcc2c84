import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database, type Statement } from '../database/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { MustBeHandled } from '../must-be-handled.js';
import { asked, type Rule, rulesOf, type Tally } from './admission.js';
import { USAGE } from './limits.sql.js';

/** Looks again at what is held back: gives how many holds ended. */
@MustBeHandled
export class ReviewHolds extends Command<number> {}

interface Hold {
  readonly kind: 'prefix' | 'country';
  readonly key: string;
  readonly label: string;
  readonly reason: string;
  readonly over: boolean;
}

const HOLDS: Statement = {
  name: 'limit_holds',
  text: `SELECT kind, key, label, reason, until <= now() AS over FROM limit_hold`,
};

const RELEASE: Statement = {
  name: 'limit_release',
  text: `DELETE FROM limit_hold WHERE kind = $1 AND key = $2`,
};

/** A hold ends with its time, or sooner where people confirm after all. */
@CommandHandler(ReviewHolds)
export class ReviewHoldsHandler implements ICommandHandler<ReviewHolds> {
  readonly #rules: readonly Rule[];

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly database: Database,
    metrics: Metrics,
  ) {
    this.#rules = rulesOf(config.limits);
    metrics.atScrape([metrics.limitHolds], async () => {
      const rows = await database.glance<{ kind: string; holds: number }>(
        `SELECT kind, count(*)::integer AS holds FROM limit_hold WHERE until > now() GROUP BY kind`,
      );
      for (const kind of ['prefix', 'country']) {
        metrics.limitHolds.set({ kind }, rows.find((row) => row.kind === kind)?.holds ?? 0);
      }
    });
  }

  async execute(): Promise<number> {
    const holds = await this.database.query<Hold>(HOLDS, []);
    const ended = await Promise.all(holds.map(async (hold) => hold.over || !(await this.#isJustified(hold))));
    const released = holds.filter((_, n) => ended[n]);
    for (const { kind, key, label, reason } of released) {
      await this.database.query(RELEASE, [kind, key]);
      this.logger.info({ kind, label, limit: reason }, 'no longer held back');
    }
    return released.length;
  }

  async #isJustified({ kind, key, reason }: Hold): Promise<boolean> {
    const rules = this.#rules.filter(({ scope, name }) => scope === kind && name === reason);
    const questions = rules.map((rule, id) =>
      asked({ rule, keys: kind === 'prefix' ? [key] : [], country: kind === 'country' ? key : null, client: null }, id),
    );
    const tallies = await this.database.query<Tally & { id: number }>(USAGE, [JSON.stringify(questions)]);
    return tallies.some(({ id, ...tally }) => rules[id]?.refuses(tally));
  }
}
