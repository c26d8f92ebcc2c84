import { type Delivery, TAG } from './smpp-pdu.js';
import type { Receipt, UndeliveredReason } from './sms-gateway.js';

/** Bits of `esm_class` that say what a `deliver_sm` is (SMPP 3.4 §5.2.12). */
const KIND = 0x3c;
const RECEIPT = 0x04;
const UDHI = 0x40;
const UCS2 = 8;
/** A receipt's text is short; what follows is somebody's message. */
const LONGEST_TEXT = 1_024;

/** `message_state` (§5.2.28; 0 and 9 are of 5.0), by what `stat` calls it in the text. */
const STATES = ['SCHED', 'ENROU', 'DELIV', 'EXPIR', 'DELET', 'UNDEL', 'ACCEP', 'UNKNO', 'REJEC', 'SKIPP'] as const;
type State = (typeof STATES)[number];
/** No end of the way; `UNKNOWN` is none either: the SMSC has lost sight of the text, which may well be on the phone. */
const STEPS: ReadonlySet<State> = new Set(['SCHED', 'ENROU', 'ACCEP', 'UNKNO']);

/** Errors of the mobile network (3GPP TS 29.002), which most SMSCs also put into `err`. */
const NETWORK_ERRORS: Readonly<Record<number, UndeliveredReason>> = {
  1: 'unknown_number',
  5: 'unknown_number',
  6: 'absent',
  9: 'blocked',
  11: 'blocked',
  13: 'blocked',
  21: 'network',
  27: 'absent',
  31: 'absent',
  32: 'network',
  33: 'absent',
  34: 'network',
};

/** What a receipt says of a text: the end of its way. */
export interface SmppReceipt extends Pick<Receipt, 'state' | 'reason'> {
  /** As the receipt writes it. */
  readonly id: string;
}

/**
 * @returns `message` where it is no receipt but somebody's message; `step` where it says nothing final, or nothing that can
 * be understood. Optional parameters count more than the text: the text has no standard, only a custom (Appendix B).
 */
export function receiptIn(delivery: Delivery): SmppReceipt | 'message' | 'step' {
  const { esmClass, options } = delivery;
  const idOption = textOf(options.get(TAG.receipted_message_id));
  const marked = (esmClass & KIND) === RECEIPT;
  const kindless = (esmClass & KIND) === 0;
  // Without the mark a text that only looks like a receipt is a person's, who may have typed it.
  if (!marked && !(kindless && idOption !== undefined)) return kindless ? 'message' : 'step';
  const text = receiptText(delivery);
  const id = idOption ?? field(text, 'id');
  const state = STATES[options.get(TAG.message_state)?.[0] ?? -1] ?? stateIn(text);
  if (id === undefined || state === undefined || STEPS.has(state)) return 'step';
  if (state === 'DELIV') return { id, state: 'delivered', reason: null };
  return { id, state: 'undelivered', reason: reasonOf(state, errorIn(options, text)) };
}

function textOf(option: Buffer | undefined): string | undefined {
  const [text = ''] = option?.toString('latin1', 0, 255).split('\0') ?? [];
  return text.trim() || undefined;
}

function receiptText({ esmClass, dataCoding, message }: Delivery): string {
  const headerLength = (esmClass & UDHI) !== 0 ? (message[0] ?? -1) + 1 : 0;
  const octets = message.subarray(headerLength, headerLength + LONGEST_TEXT);
  const latin1 = octets.toString('latin1');
  // Some mark what they write in ASCII as UCS-2, others the other way round.
  const wide = octets.length % 2 === 0 && (dataCoding === UCS2 || octets[0] === 0);
  const text = wide ? Buffer.from(octets).swap16().toString('utf16le') : latin1;
  return field(text, 'id') === undefined && field(text, 'stat') === undefined ? latin1 : text;
}

/** A field of `id:… stat:… err:… text:…`, in whatever order and case; what follows `text:` is the message's own. */
function field(text: string, name: 'id' | 'stat' | 'err'): string | undefined {
  const [head = ''] = text.split(/(?<![\w-])text\s*:/i);
  const match = new RegExp(`(?<![\\w-])${name}\\s*:\\s*([^\\s;,]+)`, 'i');
  // Those who begin with the text have their fields after it.
  return (match.exec(head) ?? match.exec(text))?.[1];
}

function stateIn(text: string): State | undefined {
  const stat = field(text, 'stat')?.toUpperCase();
  if (stat?.startsWith('FAIL')) return 'UNDEL';
  return stat === undefined ? undefined : STATES.find((state) => stat.startsWith(state));
}

/** The octets of the option are the kind of network and the code; kinds above 8 are somebody's own. */
function errorIn(options: Delivery['options'], text: string): number {
  const option = options.get(TAG.network_error_code);
  if (option?.length === 3) return option.readUInt16BE(1);
  return Number(field(text, 'err') ?? 0);
}

function reasonOf(state: State, error: number): UndeliveredReason {
  if (state === 'EXPIR') return 'expired';
  const known = state === 'UNDEL' || state === 'REJEC' ? NETWORK_ERRORS[error] : undefined;
  return known ?? (state === 'REJEC' ? 'rejected' : 'other');
}
