import { Module } from '@nestjs/common';
import { ForgetEndedCodesHandler } from './forget-ended-codes.js';
import { PurgeClosedHandler } from './purge-closed.js';

/** What is kept no longer. */
@Module({ providers: [ForgetEndedCodesHandler, PurgeClosedHandler] })
export class RetentionModule {}
