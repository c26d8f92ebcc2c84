/** The commands of SMPP 3.4 (§5.1.2.1) that we say or understand. */
export const COMMAND = {
  submit_sm: 0x04,
  deliver_sm: 0x05,
  unbind: 0x06,
  bind_transceiver: 0x09,
  outbind: 0x0b,
  enquire_link: 0x15,
  alert_notification: 0x102,
  data_sm: 0x103,
  generic_nack: 0x8000_0000,
} as const;

const RESPONSE = 0x8000_0000;
const HEAD = 16;
/** A `message_payload` has up to 64 KiB; whoever announces more speaks something else. */
const LONGEST_PDU = 65_536 + 1_024;

/** What each tag of an optional parameter means (§5.3.2). */
export const TAG = {
  receipted_message_id: 0x001e,
  network_error_code: 0x0423,
  message_payload: 0x0424,
  message_state: 0x0427,
} as const;

/** One protocol data unit: the head, and the body as it came. */
export interface Pdu {
  readonly command: number;
  readonly status: number;
  readonly sequence: number;
  readonly body: Buffer;
}

/** The octets are no PDU, or hold less than its command asks for. */
export class MalformedPdu extends Error {}

/** @returns whether it answers a request: a response, or `generic_nack` */
export function isResponse({ command }: Pdu): boolean {
  return command >= RESPONSE;
}

/** The command that answers a request. */
export function responseTo(command: number): number {
  // Not by `|`, which gives a negative number.
  return command + RESPONSE;
}

/** The octets of a PDU. */
export function encodePdu({ command, status, sequence, body }: Pdu): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(HEAD + body.length, 0);
  head.writeUInt32BE(command, 4);
  head.writeUInt32BE(status, 8);
  head.writeUInt32BE(sequence, 12);
  return Buffer.concat([head, body]);
}

/** Cuts a stream into PDUs; holds one unfinished PDU at most. */
export class PduStream {
  #chunks: Buffer[] = [];
  #held = 0;
  /** Of the PDU that is under way; nothing is put together before so much has come. */
  #needed = HEAD;

  /** @throws MalformedPdu where a PDU is announced that cannot be one; nothing after it can be read */
  *take(chunk: Buffer): Generator<Pdu> {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    while (this.#held >= this.#needed) {
      let all = joined(this.#chunks);
      const length = all.readUInt32BE(0);
      if (length < HEAD || length > LONGEST_PDU) throw new MalformedPdu(`a PDU of ${length} octets`);
      const whole = all.length >= length;
      if (whole) yield pduOf(all.subarray(0, length));
      if (whole) all = all.subarray(length);
      this.#chunks = [all];
      this.#held = all.length;
      this.#needed = whole ? HEAD : length;
    }
  }
}

/** Without a copy where there is nothing to join: a chunk may hold thousands of PDUs. */
function joined([first, ...more]: readonly Buffer[]): Buffer {
  return first !== undefined && more.length === 0 ? first : Buffer.concat([first ?? Buffer.alloc(0), ...more]);
}

function pduOf(octets: Buffer): Pdu {
  return {
    command: octets.readUInt32BE(4),
    status: octets.readUInt32BE(8),
    sequence: octets.readUInt32BE(12),
    body: octets.subarray(HEAD),
  };
}

/** A text as the SMSC gets it, in one `submit_sm`. */
export interface Submission {
  readonly source: SmppAddress;
  readonly destination: SmppAddress;
  readonly esmClass: number;
  readonly dataCoding: number;
  /** Asks for a receipt of the end of its way. */
  readonly receipt: boolean;
  /** As SMPP writes a time; empty: as long as the SMSC likes. */
  readonly validity: string;
  readonly message: Buffer;
  /** In `message_payload` instead of `short_message`. */
  readonly asPayload: boolean;
}

/** An address with type of number and numbering plan (§5.2.5, §5.2.6). */
export interface SmppAddress {
  readonly ton: number;
  readonly npi: number;
  readonly address: string;
}

/** The body of `submit_sm` (§4.4.1). @throws RangeError above 254 octets of `short_message` */
export function submitBody(submission: Submission): Buffer {
  const { source, destination, esmClass, dataCoding, receipt, validity, message, asPayload } = submission;
  const short = asPayload ? Buffer.alloc(0) : message;
  if (short.length > 254) throw new RangeError(`short_message of ${short.length} octets`);
  const service = cString('');
  const protocolAndPriority = [0, 0];
  const schedule = cString('');
  const [replace, defaultMessage] = [0, 0];
  return Buffer.concat([
    service,
    addressOctets(source),
    addressOctets(destination),
    Buffer.from([esmClass, ...protocolAndPriority]),
    schedule,
    cString(validity),
    Buffer.from([receipt ? 1 : 0, replace, dataCoding, defaultMessage, short.length]),
    short,
    ...(asPayload ? [payloadOf(message)] : []),
  ]);
}

function payloadOf(message: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(TAG.message_payload, 0);
  head.writeUInt16BE(message.length, 2);
  return Buffer.concat([head, message]);
}

function addressOctets({ ton, npi, address }: SmppAddress): Buffer {
  return Buffer.concat([Buffer.from([ton, npi]), cString(address)]);
}

/** The body of `bind_transceiver` (§4.1.5): SMPP 3.4, any address, no system type. */
export function bindBody(systemId: string, password: string): Buffer {
  const [systemType, version, anyAddress] = ['', 0x34, { ton: 0, npi: 0, address: '' }];
  const names = [systemId, password, systemType].map(cString);
  return Buffer.concat([...names, Buffer.from([version]), addressOctets(anyAddress)]);
}

/** Ends at its NUL, as a C string does. */
function cString(text: string): Buffer {
  return Buffer.from(`${text.replaceAll('\0', '')}\0`, 'latin1');
}

/** The id in a `submit_sm_resp`; null where it names none. */
export function messageIdIn(body: Buffer): string | null {
  const end = body.indexOf(0);
  return (
    body
      .toString('latin1', 0, end < 0 ? body.length : end)
      .trim()
      .slice(0, 255) || null
  );
}

/** What a `deliver_sm` or a `data_sm` brings. */
export interface Delivery {
  readonly source: SmppAddress;
  readonly esmClass: number;
  readonly dataCoding: number;
  readonly message: Buffer;
  readonly options: ReadonlyMap<number, Buffer>;
}

/** @throws MalformedPdu */
export function deliveryIn({ command, body }: Pdu): Delivery {
  const octets = new Octets(body);
  octets.cString();
  const source = octets.address();
  octets.address();
  const esmClass = octets.byte();
  if (command === COMMAND.data_sm) {
    octets.byte();
    const dataCoding = octets.byte();
    const options = octets.options();
    return { source, esmClass, dataCoding, message: options.get(TAG.message_payload) ?? Buffer.alloc(0), options };
  }
  octets.bytes(2);
  octets.cString();
  octets.cString();
  octets.bytes(2);
  const dataCoding = octets.byte();
  octets.byte();
  const short = octets.bytes(octets.byte());
  const options = octets.options();
  const message = short.length > 0 ? short : (options.get(TAG.message_payload) ?? short);
  return { source, esmClass, dataCoding, message, options };
}

/** Reads a body from its beginning. */
class Octets {
  #at = 0;

  constructor(private readonly body: Buffer) {}

  byte(): number {
    return this.bytes(1).readUInt8();
  }

  bytes(count: number): Buffer {
    if (this.#at + count > this.body.length) throw new MalformedPdu('a body that ends too early');
    this.#at += count;
    return this.body.subarray(this.#at - count, this.#at);
  }

  cString(): string {
    const end = this.body.indexOf(0, this.#at);
    if (end < 0) throw new MalformedPdu('a string without its end');
    return this.bytes(end - this.#at + 1)
      .toString('latin1')
      .slice(0, -1);
  }

  address(): SmppAddress {
    return { ton: this.byte(), npi: this.byte(), address: this.cString() };
  }

  /** The rest. What is cut off in its middle is left out: an SMSC's slip there must not cost a receipt. */
  options(): Map<number, Buffer> {
    const options = new Map<number, Buffer>();
    while (this.body.length - this.#at >= 4) {
      const tag = this.bytes(2).readUInt16BE();
      const length = this.bytes(2).readUInt16BE();
      if (this.body.length - this.#at < length) break;
      options.set(tag, this.bytes(length));
    }
    return options;
  }
}
