import { Module } from '@nestjs/common';
import { ClientLimit } from './client-limit.js';
import { PurgeLimitEntriesHandler } from './purge-entries.js';
import { ReviewHoldsHandler } from './review-holds.js';
import { SendLimits } from './send-limits.js';
import { WatchCountriesHandler } from './watch-countries.js';

/** How much may be sent to, from and through whom. */
@Module({
  providers: [ClientLimit, PurgeLimitEntriesHandler, ReviewHoldsHandler, SendLimits, WatchCountriesHandler],
  exports: [ClientLimit, SendLimits],
})
export class LimitsModule {}
