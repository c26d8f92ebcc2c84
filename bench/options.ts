import { parseArgs } from 'node:util';
import type { Asked, Workload } from './workload.js';

/** What was asked for on the command line. */
export type Options =
  | {
      readonly task: 'workloads';
      readonly workloads: readonly Workload[];
      readonly quick: boolean;
      readonly asked: Asked;
      /** Whether what comes of it stands for the workload from then on. */
      readonly kept: boolean;
    }
  | { readonly task: 'limits'; readonly quick: boolean; readonly rounds: number }
  | { readonly task: 'docs' }
  | { readonly task: 'help'; readonly usage: string };

const USAGE = (workloads: readonly Workload[]): string => `npm run bench -- [quick] [WORKLOAD]…
npm run bench -- [quick] create [--rounds N] [--seconds S] [--connections 1,8,32,128] [--arms ours,floor] [--build NAME=FOLDER]…
npm run bench -- limits [quick] [--rounds N]
npm run bench -- docs

  quick            the main ratios, in less than three minutes
  limits           instead: how limits are counted, our SQL beside rate-limiter-flexible (5 rounds)
  docs             writes docs/performance.md and its charts anew from bench/results/latest.json
  --rounds         undisturbed rounds of create to reach (10, quick 5)
  --seconds        of load for each arm in each round
  --connections    closed loop: so many requests are always under way
  --arms           which arms of create
  --rows           growth: at most so many agreements are there already (1000000; 10000000 takes twice as long)
  --build          one more arm: the service as built in another folder, to measure a change against what is here
                   (what --connections, --arms and --build measure is printed and not kept)

Workloads; all of them where none is named:
${workloads.map(({ name, title, quick }) => `  ${name.padEnd(16)} ${title}${quick ? ' (also in quick)' : ''}`).join('\n')}
`;

/** @throws Error with the usage where the arguments make no sense */
export function readOptions(args: readonly string[], workloads: readonly Workload[]): Options {
  const usage = USAGE(workloads);
  const { values, positionals } = parse(args, usage);
  if (values.help) return { task: 'help', usage };
  const words = new Set(positionals);
  const quick = words.delete('quick');
  const asked: Asked = {
    ...optional('rounds', numberIn(values.rounds, usage)),
    ...optional('seconds', numberIn(values.seconds, usage)),
    ...optional(
      'connections',
      values.connections?.split(',').map((text) => numberIn(text, usage) ?? NaN),
    ),
    ...optional('arms', values.arms?.split(',')),
    ...optional('rows', numberIn(values.rows, usage)),
    builds: values.build.map((text) => buildIn(text, usage)),
  };
  const [first] = words;
  if (first === 'docs' && args.length === 1) return { task: 'docs' };
  if (first === 'limits' && words.size === 1) return { task: 'limits', quick, rounds: asked.rounds ?? 5 };
  const named = workloads.filter(({ name }) => words.delete(name));
  if (words.size > 0) throw new Error(usage);
  const all = workloads.filter((workload) => workload.quick || !quick);
  const kept = asked.connections === undefined && asked.arms === undefined && asked.builds.length === 0;
  return { task: 'workloads', workloads: named.length > 0 ? named : all, quick, asked, kept };
}

function parse(args: readonly string[], usage: string) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        connections: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        arms: { type: 'string' },
        rows: { type: 'string' },
        build: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`, { cause: error });
  }
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> {
  return value === undefined ? {} : ({ [name]: value } as Partial<Record<Name, Value>>);
}

function numberIn(text: string | undefined, usage: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(usage);
  return value;
}

function buildIn(text: string, usage: string): { name: string; folder: string } {
  const [name = '', folder = ''] = text.split('=');
  if (name === '' || folder === '') throw new Error(usage);
  return { name, folder };
}
