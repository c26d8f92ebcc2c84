import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import type { Secret } from '../secret.js';
import type { SmsProvider } from '../settings.js';
import { HttpGateway } from './sms/http-gateway.js';
import { SmppGateway } from './sms/smpp-gateway.js';
import type { SmsGateway, SmsOutcome } from './sms/sms-gateway.js';
import { TwilioGateway } from './sms/twilio-gateway.js';

/** What of the configuration is needed to hand one text over. */
export type TryOutSettings = Pick<Config, 'sms' | 'otp'> & { readonly http: Pick<Config['http'], 'publicUrl'> };

/** What became of one text. */
export interface TriedOut {
  readonly outcome: SmsOutcome;
  /** Until the answer, in milliseconds. */
  readonly took: number;
  /** What the gateway would have written into the log. */
  readonly notes: readonly string[];
}

/**
 * Hands one text to a provider, once, without a record of it and without a database.
 * @param to E.164
 * @returns null where the provider sends nothing: the sandbox
 */
export async function tryOut(
  provider: SmsProvider,
  to: Secret<string>,
  text: Secret<string>,
  settings: TryOutSettings,
): Promise<TriedOut | null> {
  const notes = new Set<string>();
  const gateway = gatewayOf(provider, settings, noting(notes));
  if (!gateway) return null;
  const since = performance.now();
  try {
    gateway.start?.();
    const id = randomUUID();
    const { timeout } = settings.sms;
    const time = { sendBefore: since + timeout, signal: AbortSignal.timeout(timeout) };
    const outcome = await gateway.send({ id, reference: id, to, text, mail: null }, time);
    return { outcome, took: Math.round(performance.now() - since), notes: [...notes] };
  } finally {
    await gateway.stop?.();
  }
}

function gatewayOf(provider: SmsProvider, settings: TryOutSettings, logger: Logger): SmsGateway | undefined {
  const { http, twilio, smpp, sender } = settings.sms;
  if (provider === 'http' && http) return new HttpGateway(settings);
  if (provider === 'twilio' && twilio) return new TwilioGateway(twilio, settings, logger);
  return provider === 'smpp' && smpp ? new SmppGateway(smpp, sender, notTaken, logger) : undefined;
}

/** The SMSC may hand this short session a receipt that the service waits for: it is to come again. */
function notTaken(): Promise<void> {
  return Promise.reject(new Error('receipts are for the service'));
}

function noting(notes: Set<string>): Logger {
  const write = (line: string): void => {
    const { msg = '', reason } = JSON.parse(line) as { readonly msg?: string; readonly reason?: unknown };
    notes.add(typeof reason === 'string' ? `${msg}: ${reason}` : msg);
  };
  return pino({ level: 'warn', base: null }, { write });
}
