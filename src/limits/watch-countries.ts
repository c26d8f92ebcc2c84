import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CONFIG, type Config } from '../config.js';
import { Database, firstReference, type Statement } from '../database/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { Metrics } from '../metrics.js';
import { MustBeHandled } from '../must-be-handled.js';

/** Looks for countries that are texted much and confirm almost nothing: gives how many are new among them. */
@MustBeHandled
export class WatchCountries extends Command<number> {}

interface Suspect {
  readonly country: string;
  readonly sends: number;
  readonly confirmed: number;
}

/** Over agreements that were made within the window: a stretch of the primary key, and no index is kept for it. */
const SUSPECTS: Statement = {
  name: 'limit_suspects',
  text: `
    SELECT country, sends::integer AS sends, confirmed::integer AS confirmed FROM (
      SELECT a.country, count(*) AS sends, count(*) FILTER (WHERE a.status IN ('confirmed', 'withdrawn')) AS confirmed
      FROM limit_entry e JOIN agreement a ON a.reference = e.reference
      WHERE e.reference >= ${firstReference('$1')} AND e.taken AND a.country IS NOT NULL
      GROUP BY a.country
    ) c WHERE sends >= $2 AND confirmed < $3::float8 * sends`,
};

/** Where GUARD_COUNTRIES does not hold them back, somebody should at least know. */
@CommandHandler(WatchCountries)
export class WatchCountriesHandler implements ICommandHandler<WatchCountries> {
  #known: ReadonlySet<string> = new Set();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  async execute(): Promise<number> {
    const { minSends, minConversion, window } = this.config.limits.guard;
    const asked = [window / 1000, minSends, minConversion];
    const suspects = minConversion === 0 ? [] : await this.database.query<Suspect>(SUSPECTS, asked);
    const found = suspects.filter(({ country }) => !this.#known.has(country));
    for (const suspect of found) this.logger.warn({ ...suspect }, 'texted much and confirmed almost nothing');
    this.#known = new Set(suspects.map(({ country }) => country));
    this.metrics.guardAlarms.set(suspects.length);
    return found.length;
  }
}
