import type { SmsGateway, SmsOutcome } from './sms-gateway.js';

/** For agreements that are only a test: takes every text and sends none. */
export class TestGateway implements SmsGateway {
  readonly name = 'test';
  readonly deduplicates = true;

  send(): Promise<SmsOutcome> {
    return Promise.resolve({ kind: 'accepted', messageId: null });
  }
}
