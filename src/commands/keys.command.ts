import { createHash, randomBytes } from 'node:crypto';
import { readApiKeys } from '../config.js';
import { CLIENT_NAME, DEFAULT_SCOPES, keyId, readScopes } from '../settings.api-keys.js';
import { type Answer, count, readArgs, subcommandOf, UsageError } from './command.js';

const LINE = 'keys create CLIENT [--scope create+confirm+read] | list  [--json]';

const HELP = `npm run keys -- COMMAND, or node dist/cli.js keys COMMAND

  create CLIENT [--scope SCOPE]…  makes a key, and the entry of API_KEYS that lets it in; changes nothing
  list                            whose keys API_KEYS or API_KEYS_FILE lets in, by id, and what they may do

CLIENT is 1 to 64 letters, digits and . _ - and owns what its keys make. SCOPE is one or several of create, confirm,
read (these three if none is named), admin, operator: create+read. The key is shown this once and kept nowhere. Its id
is what the log calls it: key. --json prints one JSON document.`;

/** In bytes. RFC 6749 §10.10 wants a guess to succeed with 2^-160 at most, ASVS 11.5.1 wants 128 bits. */
const KEY_LENGTH = 32;

/** So that a key is known for one where it should not be: in a repository, in a log. */
const PREFIX = 'agr_';

const SUBCOMMANDS: Readonly<Record<string, (args: string[]) => Answer>> = { create, list };

/** The keys of the callers: a new one, and those that are set. */
export function keys([name = '', ...args]: string[]): Answer {
  if ([name, ...args].includes('--help')) return { text: HELP, data: { usage: LINE } };
  return subcommandOf(SUBCOMMANDS, 'keys', name, LINE)(args);
}

function create(args: string[]): Answer {
  const { values, positionals } = readArgs(args, {
    line: LINE,
    options: { scope: { type: 'string', multiple: true } },
    words: [1, 1],
  });
  const [client = ''] = positionals;
  if (!CLIENT_NAME.test(client)) throw new UsageError('A client is 1 to 64 letters, digits and . _ -', LINE);
  const scopes = values.scope ? readScopes(values.scope.join('+')) : DEFAULT_SCOPES;
  if (!scopes) throw new UsageError('The scopes are create, confirm, read, admin, operator', LINE);
  const key = PREFIX + randomBytes(KEY_LENGTH).toString('base64url');
  const digest = createHash('sha256').update(key).digest();
  const data = { client, id: keyId({ digest }), scopes: [...new Set(scopes)] };
  const entry = `${client}:${digest.toString('hex')}:${data.scopes.join('+')}`;
  const lines = [
    `Key    ${key}`,
    `Entry  ${entry}`,
    `Id     ${data.id}`,
    '',
    'Give the key to the client; it is not shown again. Add the entry to API_KEYS, behind a comma.',
  ];
  return { text: lines.join('\n'), data: { ...data, key, entry } };
}

function list(args: string[]): Answer {
  readArgs(args, { line: LINE, options: {}, words: [0, 0] });
  const all = (readApiKeys() ?? []).map((key) => ({ client: key.client, id: keyId(key), scopes: [...key.scopes] }));
  if (all.length === 0) return { text: 'No keys: API_KEYS is not set.', data: { keys: [] } };
  const width = Math.max(...all.map(({ client }) => client.length));
  const lines = all.map(({ client, id, scopes }) => `${client.padEnd(width)}  ${id}  ${scopes.join('+')}`);
  return { text: [...lines, count(all.length, 'key')].join('\n'), data: { keys: all } };
}
