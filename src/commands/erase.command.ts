import { readDatabaseSettings } from '../config.js';
import { erase as eraseFrom, type ErasedAgreement, type Erasure } from '../retention/index.js';
import { type Answer, count, NotThere, printable, readArgs, UsageError } from './command.js';
import { onDatabase } from './on-database.js';

const LINE = 'erase ID_HASH [--client CLIENT] [--dry-run]  [--json]';

const HELP = `npm run erase -- ID_HASH, or node dist/cli.js erase ID_HASH

Erases a person: of every agreement with this id_hash the phone or e-mail address, the IP address and the browser, its texts and what
providers said of them, and the answers kept for repeated requests. Pending agreements are cancelled first. Says what
remains, and why. Repeat it as often as you like.

  --client CLIENT  only the agreements of this client
  --dry-run        only says what would be erased

--json prints one JSON document.`;

const REMAINS = [
  ['reference, client, document, status, times, id_hash', 'the proof of who was asked for what, and of the answer'],
  [
    'keyed hash of the contact, id of its key',
    'shows whose agreement it was to whoever holds CONTACT_KEYS, and to nobody else',
  ],
  ['history', 'append-only, so that nobody can rewrite it; no contact is in it, but the reason that a caller gave'],
  ['metadata', 'what the caller gave; no personal data, by the rules of the API'],
  ['events in Kafka', "until the topic's retention: id_hash, document, metadata, reason; no contact, no code"],
  ['counters of limits', 'keyed hashes, until the longest window is over'],
  [
    'backups and logs',
    'until they are rotated; after a restore erase again. Logs hold the reference and a masked contact',
  ],
] as const;

/** Erases what is kept of a person. */
export async function erase(args: string[]): Promise<Answer> {
  if (args.includes('--help')) return { text: HELP, data: { usage: LINE } };
  const erasure = read(args);
  const agreements = await onDatabase(readDatabaseSettings(), (database) => eraseFrom(database, erasure));
  const { idHash, client, dryRun } = erasure;
  if (agreements.length === 0) {
    throw new NotThere(`There is no agreement with this id_hash${client === undefined ? '' : ` of ${client}`}`);
  }
  const total = `${count(agreements.length, 'agreement')} of this person${dryRun ? '; nothing was changed' : ''}.`;
  const why = REMAINS.map(([what, reason]) => `  ${what}: ${reason}`);
  const lines = [...agreements.map((one) => described(one, dryRun)), total, '', 'What remains, and why:', ...why];
  const remains = REMAINS.map(([what, reason]) => ({ what, why: reason }));
  return { text: lines.join('\n'), data: { id_hash: idHash, dry_run: dryRun, agreements, remains } };
}

function read(args: string[]): Erasure {
  const { values, positionals } = readArgs(args, {
    line: LINE,
    options: { client: { type: 'string' }, 'dry-run': { type: 'boolean', default: false } },
    words: [1, 1],
  });
  const [idHash = ''] = positionals;
  const { client } = values;
  if (!/^[!-~]{1,256}$/.test(idHash)) throw new UsageError('An id_hash is 1 to 256 visible ASCII characters', LINE);
  if (client !== undefined && !/^[A-Za-z0-9._-]{1,64}$/.test(client)) {
    throw new UsageError('A client is 1 to 64 letters, digits, dots, lines or underscores', LINE);
  }
  return { idHash, client, dryRun: values['dry-run'] };
}

function described(
  { reference, client, status, cancelled, erased, remains }: ErasedAgreement,
  dryRun: boolean,
): string {
  const kept = [
    `document ${remains.document}`,
    `hash of the contact (key ${printable(remains.contact_key_id)})`,
    count(remains.history, 'entry of its history', 'entries of its history'),
    ...(remains.metadata.length > 0 ? [`metadata ${remains.metadata.map(printable).join(', ')}`] : []),
    ...(remains.close_reason === null ? [] : [`reason '${printable(remains.close_reason)}'`]),
  ];
  return [
    `${reference} of ${printable(client)}, ${status}${cancelled ? ' now' : ''}, made ${remains.created_at.toISOString()}`,
    `    ${dryRun ? 'would be erased' : 'erased'}: ${listed(erased)}`,
    `    remains: ${kept.join(', ')}`,
  ].join('\n');
}

function listed(erased: ErasedAgreement['erased']): string {
  const all = [
    ...(erased.phone ? ['phone'] : []),
    ...(erased.email ? ['e-mail address'] : []),
    ...(erased.ip ? ['IP address'] : []),
    ...(erased.user_agent ? ['browser'] : []),
    ...(erased.sends > 0 ? [count(erased.sends, 'send')] : []),
    ...(erased.tries > 0 ? [count(erased.tries, 'try', 'tries')] : []),
    ...(erased.sandbox_messages > 0 ? [count(erased.sandbox_messages, 'sandbox text')] : []),
    ...(erased.answers > 0 ? [count(erased.answers, 'kept answer')] : []),
  ];
  return all.length > 0 ? all.join(', ') : 'nothing, there was nothing left';
}
