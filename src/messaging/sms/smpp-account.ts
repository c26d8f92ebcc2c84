import type { SmppSettings } from '../../config.js';
import { Secret } from '../../secret.js';
import type { SmppAddress } from './smpp-pdu.js';

/** Ports without a setting: 2775 is IANA's for SMPP; for TLS there is none, 3550 is the custom. */
const PORTS = { 'smpp:': 2775, 'smpps:': 3550 };
/** Type of number and numbering plan (SMPP 3.4 §5.2.5, §5.2.6). */
export const INTERNATIONAL = { ton: 1, npi: 1 };
const ALPHANUMERIC = { ton: 5, npi: 0 };
const SHORT_CODE = { ton: 3, npi: 0 };
const OF_THE_SMSC: SmppAddress = { ton: 0, npi: 0, address: '' };

/** Where an SMSC is and who we are there. */
export interface SmppAccount {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** PEM of the authority to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly systemId: string;
  readonly password: Secret<string>;
}

/** How long what may take, in milliseconds. */
export interface SmppPatience {
  /** From the first packet to the answer to our bind. */
  readonly bound: number;
  /** Without a word of the SMSC, before it is asked for one: while an answer is awaited, and else. */
  readonly quietWhileAwaited: number;
  readonly quiet: number;
  /** For an answer to `enquire_link`; then the connection is given up. */
  readonly alive: number;
  /** For a text to wait for an SMSC that could not be reached or did not let us in. */
  readonly away: number;
  /** For the end after `unbind`. */
  readonly goodbye: number;
}

/** What goes on without anybody's setting. */
export const PATIENCE: SmppPatience = {
  bound: 10_000,
  quietWhileAwaited: 3_000,
  quiet: 15_000,
  alive: 5_000,
  away: 1_000,
  goodbye: 2_000,
};

/** What is left out of the URL is the custom. */
export function accountOf({ url, ca }: SmppSettings): SmppAccount {
  const { protocol, hostname, port, username, password } = new URL(url.reveal());
  const tls = protocol === 'smpps:';
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || PORTS[tls ? 'smpps:' : 'smpp:'],
    tls,
    ca,
    systemId: decodeURIComponent(username),
    password: new Secret(decodeURIComponent(password)),
  };
}

/** The sender of all texts. @param sender a name, a number, or a short code; none: the SMSC's own */
export function sourceOf(sender: string | undefined): SmppAddress {
  if (sender === undefined) return OF_THE_SMSC;
  const digits = sender.replace(/^\+/, '');
  if (!/^\d+$/.test(digits)) return { ...ALPHANUMERIC, address: sender };
  const isShort = digits === sender && digits.length <= 6;
  return { ...(isShort ? SHORT_CODE : INTERNATIONAL), address: digits };
}
