import { readKafkaSettings } from '../config.js';
import { type DeadLetter, DeadLetters, KafkaUnavailable, NotReplayable } from '../kafka/index.js';
import { createLogger } from '../logger.js';
import { type Answer, count, NotThere, readArgs, readLimit, subcommandOf, Unreachable, UsageError } from './command.js';
import { asData, inALine, inFull, positionOf } from './dead-letter.text.js';

const LINE =
  'dlq list [--all] [--limit N] | show PARTITION:OFFSET | replay [PARTITION:OFFSET] | drop PARTITION:OFFSET  [--json]';

const HELP = `npm run dlq -- COMMAND, or node dist/cli.js dlq COMMAND

  list [--all] [--limit N]   the messages that could not be handled and wait to be put right (100);
                             --all: also those that have been
  show PARTITION:OFFSET      one of them with its headers and its value
  replay                     publishes all that wait again, in order, as they were
  replay PARTITION:OFFSET    publishes this one again
  drop PARTITION:OFFSET      passes over the first one that waits in its partition

PARTITION:OFFSET is the position in the dead letter topic that list shows. --json prints one JSON document.`;

type Work = (letters: DeadLetters) => Promise<Answer>;

/** What a subcommand does, from its arguments; they are read before anything is connected. */
const SUBCOMMANDS: Readonly<Record<string, (args: string[]) => Work>> = { list, show, replay, drop };

/** The messages of the dead letter topic. */
export async function dlq([name = '', ...args]: string[]): Promise<Answer> {
  if ([name, ...args].includes('--help')) return { text: HELP, data: { usage: LINE } };
  const work = subcommandOf(SUBCOMMANDS, 'dlq', name, LINE)(args);
  try {
    return await onTopic(work);
  } catch (error) {
    throw error instanceof KafkaUnavailable ? new Unreachable(error.message, { cause: error.cause }) : error;
  }
}

async function onTopic(work: Work): Promise<Answer> {
  const letters = await DeadLetters.open(readKafkaSettings(), createLogger('silent'));
  try {
    return await work(letters);
  } finally {
    await letters.close();
  }
}

function list(args: string[]): Work {
  const { values } = readArgs(args, {
    line: LINE,
    options: { all: { type: 'boolean', default: false }, limit: { type: 'string', default: '100' } },
    words: [0, 0],
  });
  const limit = readLimit(values.limit, LINE);
  return async (letters) => {
    const found: DeadLetter[] = [];
    let more = false;
    for (const partition of letters.partitions) {
      if (more) break;
      for await (const letter of letters.of(partition, values.all ? 'start' : 'mark')) {
        more = found.length === limit;
        if (more) break;
        found.push(letter);
      }
    }
    const waiting = more ? letters.waiting : found.filter(({ waits }) => waits).length;
    const lines = [...found.map(inALine), ...(more ? ['… and more (--limit)'] : []), `${waiting} waiting`];
    return { text: lines.join('\n'), data: { waiting, more, letters: found.map(asData) } };
  };
}

function show(args: string[]): Work {
  const position = readPosition(readArgs(args, { line: LINE, options: {}, words: [1, 1] }).positionals[0]);
  return async (letters) => {
    const letter = await existing(letters, position);
    return { text: inFull(letter), data: asData(letter) };
  };
}

function replay(args: string[]): Work {
  const [text] = readArgs(args, { line: LINE, options: {}, words: [0, 1] }).positionals;
  if (text === undefined) return replayAll;
  const position = readPosition(text);
  return async (letters) => {
    const letter = await existing(letters, position);
    const first = await letters.firstWaiting(letter.partition);
    const failure = await replayed(letters, letter);
    if (failure !== undefined) throw new NotThere(`${text} was not replayed: ${failure}`);
    const isFirst = first?.offset === letter.offset;
    if (isFirst) await letters.markDone(letter);
    const waits = letter.waits && !isFirst;
    const still = waits && first ? ` It still counts as waiting, because ${positionOf(first)} stands before it.` : '';
    return {
      text: `${inALine(letter)}\nReplayed.${still}`,
      data: { replayed: [asData({ ...letter, waits })], stopped: [] },
    };
  };
}

/** Partition by partition; one that cannot be replayed holds up only those behind it. */
async function replayAll(letters: DeadLetters): Promise<Answer> {
  const done: DeadLetter[] = [];
  const stopped: { position: string; why: string }[] = [];
  try {
    for (const partition of letters.partitions) {
      for await (const letter of letters.of(partition, 'mark')) {
        const why = await replayed(letters, letter);
        if (why !== undefined) stopped.push({ position: positionOf(letter), why });
        if (why !== undefined) break;
        await letters.markDone(letter);
        done.push({ ...letter, waits: false });
      }
    }
  } catch (error) {
    if (!(error instanceof KafkaUnavailable)) throw error;
    const soFar = `${count(done.length, 'message')} replayed, then Kafka went away; run it again for the rest`;
    throw new Unreachable(soFar, { cause: error });
  }
  const text = [...done.map(inALine), `${count(done.length, 'message')} replayed.`].join('\n');
  const data = { replayed: done.map(asData), stopped };
  const failures = stopped.map(
    ({ position, why }) => `${position} was not replayed: ${why}. dlq drop ${position} passes over it`,
  );
  return { text, data, ...(failures.length > 0 ? { failure: failures.join('\n') } : {}) };
}

function drop(args: string[]): Work {
  const [text] = readArgs(args, { line: LINE, options: {}, words: [1, 1] }).positionals;
  const position = readPosition(text);
  return async (letters) => {
    const letter = await existing(letters, position);
    if (!letter.waits) throw new NotThere(`${text ?? ''} does not wait: it was replayed or dropped before`);
    const first = await letters.firstWaiting(letter.partition);
    if (first && first.offset !== letter.offset) {
      throw new NotThere(`${positionOf(first)} waits before ${text ?? ''}: replay or drop that one first`);
    }
    await letters.markDone(letter);
    return { text: `${inALine(letter)}\nDropped.`, data: { dropped: asData({ ...letter, waits: false }) } };
  };
}

/** @returns why not, where it cannot be replayed */
async function replayed(letters: DeadLetters, letter: DeadLetter): Promise<string | undefined> {
  try {
    await letters.replay(letter);
    return undefined;
  } catch (error) {
    if (error instanceof NotReplayable) return error.message;
    throw error;
  }
}

interface Position {
  readonly partition: number;
  readonly offset: bigint;
}

async function existing(letters: DeadLetters, { partition, offset }: Position): Promise<DeadLetter> {
  const letter = await letters.at(partition, offset);
  if (!letter) throw new NotThere(`There is no dead letter at ${partition}:${offset}`);
  return letter;
}

function readPosition(text = ''): Position {
  const [, partition = '', offset = ''] = /^(\d{1,9}):(\d{1,18})$/.exec(text) ?? [];
  if (!partition) throw new UsageError('A position is PARTITION:OFFSET, such as 0:17', LINE);
  return { partition: Number(partition), offset: BigInt(offset) };
}
