import {
  AgreementError,
  maskEmailAddress,
  maskPhoneNumber,
  parseEmailAddress,
  parsePhoneNumber,
} from '../agreement/index.js';
import { type LimitsCommandSettings, readLimitsCommandSettings } from '../config.js';
import type { OperatorDatabase } from '../database/index.js';
import { type Full, fullOnes, type Hold, holds, lift, prefixOf, type Target } from '../limits/index.js';
import { type Answer, count, NotThere, printable, readArgs, subcommandOf, UsageError } from './command.js';
import { onDatabase } from './on-database.js';

const LINE = 'limits show | lift [phone|email|prefix|country] VALUE  [--json]';

const HELP = `npm run limits -- COMMAND, or node dist/cli.js limits COMMAND

  show         the prefixes and countries that are held back, and the numbers, addresses and prefixes that are at a limit now
  lift VALUE   counts anew from now on, and ends the hold: of a number (+79161234567), an address (ivan@example.com), a prefix
               (+7916123, a number without its last four digits) or a country (RU). Say phone, email, prefix or country before
               it where it could be either.

Settings: DATABASE_URL or DATABASE_DIRECT_URL, CONTACT_KEYS and the LIMIT_ settings as the service has them.
--json prints one JSON document.`;

type Work = (database: OperatorDatabase, settings: LimitsCommandSettings) => Promise<Answer>;

const SUBCOMMANDS: Readonly<Record<string, (args: string[]) => Work>> = { show, lift: lifted };

/** The limits of sending: what stands in the way now, and a way to clear it. */
export async function limits([name = '', ...args]: string[]): Promise<Answer> {
  if ([name, ...args].includes('--help')) return { text: HELP, data: { usage: LINE } };
  const work = subcommandOf(SUBCOMMANDS, 'limits', name, LINE)(args);
  const settings = readLimitsCommandSettings();
  return onDatabase(settings.database, (database) => work(database, settings));
}

function show(args: string[]): Work {
  readArgs(args, { line: LINE, options: {}, words: [0, 0] });
  return async (database, settings) => {
    const held = await holds(database);
    const full = (await fullOnes(database, settings.limits)).map(masked);
    const lines = [...held.map(describedHold), ...full.map(describedFull)];
    const text =
      lines.length === 0 ? 'Nothing is held back, and no number, address or prefix is at its limit.' : lines.join('\n');
    return { text, data: { holds: held, full } };
  };
}

function lifted(args: string[]): Work {
  const { positionals } = readArgs(args, { line: LINE, options: {}, words: [1, 2] });
  const target = targetOf(positionals);
  return async (database, settings) => {
    const { forgotten, released } = await lift(database, settings.contactKeys, target);
    const shown = shownOf(target);
    if (forgotten === 0 && !released) throw new NotThere(`Nothing was counted against ${shown}`);
    const left = await stillHeld(database, target);
    const text = [
      `${released ? `${shown} is no longer held back. ` : ''}${count(forgotten, 'text')} to ${shown} count no longer.`,
      ...left.map((hold) => `Still in the way: ${describedHold(hold)}`),
    ].join('\n');
    return { text, data: { lifted: { kind: target.kind, value: shown }, forgotten, released, still_held: left } };
  };
}

/** What may be printed of it. */
function shownOf({ kind, value }: Target): string {
  return kind === 'phone' || kind === 'email' ? maskContact(value) : value;
}

/** The holds that a number lies in. */
async function stillHeld(database: OperatorDatabase, { kind, value }: Target): Promise<Hold[]> {
  if (kind !== 'phone') return [];
  return (await holds(database)).filter((hold) => hold.kind === 'prefix' && hold.label === prefixOf(value));
}

/** @throws UsageError */
function targetOf(words: readonly string[]): Target {
  const [value = ''] = words.slice(-1);
  const kind = words.length === 2 ? words[0] : kindOf(value);
  if (kind === 'country' && /^[A-Z]{2}$/.test(value)) return { kind, value };
  if (kind === 'phone') {
    const number = phoneIn(value);
    if (number !== undefined) return { kind, value: number };
  }
  if (kind === 'email') {
    const address = emailIn(value);
    if (address !== undefined) return { kind, value: address };
  }
  const digits = value.replace(/[\s().–-]|[•*…]+$/g, '');
  if (kind === 'prefix' && /^\+\d{2,12}$/.test(digits)) return { kind, value: digits };
  throw new UsageError(`'${printable(value)}' is no number, address, prefix or country`, LINE);
}

function kindOf(value: string): Target['kind'] {
  if (/^[A-Z]{2}$/.test(value)) return 'country';
  if (value.includes('@')) return 'email';
  return phoneIn(value) === undefined ? 'prefix' : 'phone';
}

function phoneIn(value: string): string | undefined {
  return ifAny(() => parsePhoneNumber(value, { countries: '*', defaultRegion: undefined }).e164.reveal());
}

function emailIn(value: string): string | undefined {
  return ifAny(() => parseEmailAddress(value, { blockedDomains: new Set() }).reveal());
}

function ifAny(parse: () => string): string | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AgreementError) return undefined;
    throw error;
  }
}

function maskContact(contact: string): string {
  return contact.includes('@') ? maskEmailAddress(contact) : maskPhoneNumber(contact);
}

/** What may be printed of a contact: of a full prefix the prefix, of a number or an address its mask. */
function masked({ phone, ...full }: Full) {
  const whole = phone ?? '';
  const label = phone === null ? 'purged' : full.scope === 'prefix' ? prefixOf(whole) : maskContact(whole);
  return { ...full, label };
}

function describedHold({ kind, label, limit, until, sends, confirmed }: Hold): string {
  const why = limit === 'hold' ? `${sends} sent, ${confirmed} of them confirmed` : `its limit is reached`;
  return `${kind} ${printable(label)} is held back until ${until.toISOString()}: ${why}`;
}

function describedFull({ scope, label, client, sends, max, within, until }: ReturnType<typeof masked>): string {
  const whose = client === null ? '' : ` by ${printable(client)}`;
  const what = scope === 'prefix' ? 'prefix' : label.includes('@') ? 'address' : 'number';
  return `${what} ${label}: ${sends} of ${max} in ${within} s${whose}, room again ${until.toISOString()}`;
}
