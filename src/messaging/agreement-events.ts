import { AGREEMENT_EVENT_NAMES, type AgreementEventName, parseIntegrationType } from '../agreement/index.js';
import { SendCode } from './send-code.js';

/** A message that can never be handled, by this version at least. */
export class UnprocessableEvent extends Error {}

/** A message as it was received. */
export interface ReceivedEvent {
  readonly value: Buffer | string | null;
  readonly headers: Readonly<Record<string, string>>;
}

type Reaction = (data: Readonly<Record<string, unknown>>, traceparent: string | null) => SendCode;

/** What is done about each type of event; null where nothing is, which has to be said too. */
const REACTIONS: Readonly<Record<AgreementEventName, Reaction | null>> = {
  AgreementCreated: sendCode,
  CodeRequested: sendCode,
  CodeSent: null,
  CodeDelivered: null,
  CodeUndelivered: null,
  AgreementConfirmed: null,
  AgreementWithdrawn: null,
  AgreementRejected: null,
  AgreementExpired: null,
  AgreementCancelled: null,
};

/** The version of each type that this release understands. */
const VERSION = 1;

/** @throws Error naming every type of event that this service writes and nobody has decided about */
export function checkReactions(): void {
  const undecided = AGREEMENT_EVENT_NAMES.filter((name) => !(name in REACTIONS));
  if (undecided.length > 0) throw new Error(`No reaction for the events: ${undecided.join(', ')}`);
}

/**
 * The command that an event asks for; undefined for what is none of this version's business, so that an old worker
 * survives the types of a new release.
 * @throws UnprocessableEvent for what is no event, or is one that should be acted on and cannot be understood
 */
export function commandFor({ value, headers }: ReceivedEvent): SendCode | undefined {
  const type = headers['ce_type'];
  if (headers['ce_specversion'] !== '1.0' || type === undefined || headers['ce_id'] === undefined) {
    throw new UnprocessableEvent('not a CloudEvent 1.0 in binary mode');
  }
  const data = dataOf(value);
  const known = parseIntegrationType(type);
  const reaction = known && Object.hasOwn(REACTIONS, known.name) && REACTIONS[known.name as AgreementEventName];
  if (!known || !reaction) return undefined;
  if (known.version !== VERSION) throw new UnprocessableEvent(`version ${known.version} of ${known.name} is not known`);
  return reaction(data, headers['traceparent'] ?? null);
}

function dataOf(value: Buffer | string | null): Readonly<Record<string, unknown>> {
  let data: unknown;
  try {
    data = JSON.parse(value?.toString() ?? '');
  } catch {
    throw new UnprocessableEvent('the value is not JSON');
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new UnprocessableEvent('the value is not a JSON object');
  }
  return data as Record<string, unknown>;
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

function sendCode(data: Readonly<Record<string, unknown>>, traceparent: string | null): SendCode {
  const { reference, generation } = data;
  if (typeof reference !== 'string' || !UUID.test(reference)) throw new UnprocessableEvent('reference is not a UUID');
  if (!Number.isInteger(generation) || (generation as number) < 1 || (generation as number) > 1_000_000) {
    throw new UnprocessableEvent('generation is not a count');
  }
  return new SendCode(reference, generation as number, traceparent);
}
