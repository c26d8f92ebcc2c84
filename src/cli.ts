import 'reflect-metadata';
import { COMMANDS, Unreachable, UsageError } from './commands/index.js';

const NAMES = Object.keys(COMMANDS).join(', ');

const HELP = `node dist/cli.js COMMAND, or npm run COMMAND -- …

  migration:run       brings the database up to date
  migration:revert    takes the newest migration back
  outbox …            what waits to be published, and what was refused (outbox --help)
  keys …              a new key of a client, and those that are set (keys --help)
  erase …             takes out what is kept of a person (erase --help)
  limits …            what limits of sending stand in the way, and a way to clear it (limits --help)
  sms …               sends one text to try a provider out (sms --help)
  dlq …               messages that could not be handled (dlq --help)

With --json each prints one JSON document. Exit codes: 0 done, 1 not there or not possible, 2 typed wrongly,
3 PostgreSQL or Kafka does not answer.`;

/** @returns the exit code */
async function main([name = '', ...args]: string[]): Promise<number> {
  if (name === '--help') return await say(process.stdout, HELP, 0);
  try {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw new UsageError(`There is no command '${name}'`, `COMMAND --help, the commands are: ${NAMES}`);
    const asJson = args.includes('--json');
    const answer = await command(args.filter((arg) => arg !== '--json'));
    await say(process.stdout, asJson ? JSON.stringify(answer.data, null, 2) : answer.text, 0);
    return answer.failure === undefined ? 0 : await say(process.stderr, answer.failure, 1);
  } catch (error) {
    return await say(process.stderr, inAWord(error), exitCode(error));
  }
}

function exitCode(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof Unreachable ? 3 : 1;
}

/** The message with the causes that say more; never a stack. */
function inAWord(error: unknown): string {
  const messages = new Set<string>();
  for (let cause = error; cause instanceof Error; cause = cause.cause ?? (cause as AggregateError).errors?.[0]) {
    if (cause.message) messages.add(cause.message);
  }
  return messages.size === 0 ? String(error) : [...messages].join(': ');
}

/** Waits until it is written: the process ends behind it. A reader that has gone away (`| head`) is no fault. */
async function say(stream: NodeJS.WriteStream, text: string, code: number): Promise<number> {
  stream.on('error', () => undefined);
  await new Promise<void>((resolve) => stream.write(`${text}\n`, () => resolve()));
  return code;
}

// Not by itself: what an unreachable server has left behind would keep the process for a while.
process.exit(await main(process.argv.slice(2)));
