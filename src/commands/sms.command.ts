import { AgreementError, parsePhoneNumber } from '../agreement/index.js';
import { readSmsCommandSettings, SMS_PROVIDERS, type SmsCommandSettings, type SmsProvider } from '../config.js';
import { type TriedOut, tryOut } from '../messaging/index.js';
import { Secret } from '../secret.js';
import { partsOf } from '../sms-parts.js';
import { type Answer, count, NotThere, printable, readArgs, subcommandOf, UsageError } from './command.js';

const LINE = 'sms test NUMBER [--provider NAME] [--locale LANGUAGE]  [--json]';

const HELP = `npm run sms -- test NUMBER, or node dist/cli.js sms test NUMBER

  test NUMBER         sends one text with a code that is none to this number, and tells what the provider said
    --provider NAME   ${SMS_PROVIDERS.join(', ')}; without it the first one for the number's country
    --locale LANGUAGE the language of the text (ru)

It costs what a text costs, counts for no limit and is recorded nowhere. Settings: those of the service for phones, texts
and providers (PHONE_, OTP_, SMS_, TWILIO_, SMPP_, PUBLIC_URL); no database, no Kafka, no keys. Exit code 1 where the text was
not accepted. --json prints one JSON document.`;

/** As long as the longest code; opens nothing. */
const SAMPLE_CODE = '1234567890';

const SUBCOMMANDS: Readonly<Record<string, (args: string[]) => Promise<Answer>>> = { test };

/** Tries a provider out. */
export async function sms([name = '', ...args]: string[]): Promise<Answer> {
  if ([name, ...args].includes('--help')) return { text: HELP, data: { usage: LINE } };
  return subcommandOf(SUBCOMMANDS, 'sms', name, LINE)(args);
}

async function test(args: string[]): Promise<Answer> {
  const { values, positionals } = readArgs(args, {
    line: LINE,
    options: { provider: { type: 'string' }, locale: { type: 'string', default: 'ru' } },
    // Numbers are typed with spaces.
    words: [1, 6],
  });
  const named = providerIn(values.provider);
  const settings = readSmsCommandSettings();
  const { languages } = settings.message.texts;
  if (!languages.includes(values.locale)) throw new UsageError(`The languages are ${languages.join(', ')}`, LINE);
  const { e164, country } = numberIn(positionals.join(' '), settings);
  const route = settings.sms.routes.get(country ?? '*') ?? settings.sms.routes.get('*') ?? [];
  const provider = named ?? route[0] ?? 'sandbox';
  if (!settings.sms.providers.includes(provider)) {
    throw new NotThere(`${provider} is not configured: neither SMS_PROVIDERS nor SMS_ROUTES names it`);
  }
  const text = new Secret(settings.message.texts.sms(values.locale, SAMPLE_CODE.slice(0, settings.otp.length)));
  const { encoding, length, parts } = partsOf(text.reveal());
  const about = {
    to: String(e164),
    ...{ country, provider, route, locale: values.locale, encoding, length, parts },
  };
  const lines = [
    `To        ${about.to}${country === null ? '' : ` (${country})`}`,
    `Provider  ${provider}; the order for this number is ${route.join(', ')}`,
    `Text      ${count(parts, 'part')}: ${length} ${encoding === 'GSM-7' ? 'septets' : 'units'} of ${encoding}`,
  ];
  if (settings.testPhones.has(e164.reveal()))
    throw new NotThere(`${about.to} is one of TEST_PHONES: nothing is ever sent to it`);
  return answerOf(await tryOut(provider, e164, text, settings), about, lines);
}

function answerOf(tried: TriedOut | null, about: object, lines: readonly string[]): Answer {
  if (!tried) {
    const text = [...lines, 'The sandbox sends nothing: no text went out.'].join('\n');
    return { text, data: { ...about, outcome: 'nothing_sent' } };
  }
  const { outcome, took, notes } = tried;
  const reason = 'reason' in outcome ? printable(outcome.reason) : null;
  const messageId = outcome.kind === 'accepted' ? outcome.messageId : null;
  const data = { ...about, outcome: outcome.kind, reason, message_id: messageId, took_ms: took, notes };
  const said = [...lines, ...notes.map((note) => `Note      ${printable(note)}`)];
  if (outcome.kind === 'accepted') {
    const id = messageId === null ? 'the provider gave no id' : `its id is ${printable(messageId)}`;
    return { text: [...said, `Accepted  after ${took} ms, ${id}`].join('\n'), data };
  }
  return { text: said.join('\n'), data, failure: failureOf(outcome, reason ?? '', took) };
}

function failureOf(outcome: TriedOut['outcome'], reason: string, took: number): string {
  if (outcome.kind === 'refused') return `Refused for good after ${took} ms: ${reason}`;
  if (outcome.kind === 'unknown') {
    return `Nobody knows after ${took} ms whether the text was taken: ${reason}. Look at the phone before you try again`;
  }
  const wait = outcome.kind === 'try_later' ? outcome.retryAfter : null;
  const when = wait === null ? '' : `; the provider wants to be asked again in ${Math.ceil(wait / 1000)} s`;
  return `Not taken after ${took} ms, may be taken later: ${reason}${when}`;
}

function providerIn(name: string | undefined): SmsProvider | undefined {
  const known = SMS_PROVIDERS.find((one) => one === name);
  if (name !== undefined && !known) throw new UsageError(`The providers are ${SMS_PROVIDERS.join(', ')}`, LINE);
  return known;
}

/** Never quotes what was typed: it may end up in somebody's log. */
function numberIn(typed: string, { phone, testPhones }: SmsCommandSettings): ReturnType<typeof parsePhoneNumber> {
  try {
    return parsePhoneNumber(typed, phone, testPhones);
  } catch (error) {
    if (!(error instanceof AgreementError) || !('reason' in error.fault)) throw error;
    throw new NotThere(`This number is not allowed: ${error.fault.reason}`);
  }
}
