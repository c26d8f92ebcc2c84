import { parseArgs } from 'node:util';
import { type Arm, ARMS, serviceArm } from './arms.js';
import type { Plan } from './rounds.js';

/** What was asked for on the command line. */
export interface Options {
  readonly arms: readonly Arm[];
  /** One for each number of connections. */
  readonly plans: readonly Plan[];
  /** Set where the limits of sending are measured instead; with how many rounds. */
  readonly limits: { readonly quick: boolean; readonly rounds: number } | undefined;
}

/** Seconds for each number of connections. */
const LIMITS = { budget: 900, patience: 20 };
const QUICK_LIMITS = { budget: 120, patience: 3 };

const USAGE = `npm run bench -- [quick] [--connections 1,8,32,128] [--rounds N] [--seconds S] [--arms ours,textbook,floor]
                 [--build NAME=FOLDER]…
npm run bench -- limits [quick] [--rounds N]

  quick            5 rounds of 1 s, in less than three minutes; limits: without the million rows
  limits           instead of creates: how limits are counted, our SQL beside rate-limiter-flexible (5 rounds)
  --connections    closed loop: so many requests are always under way (32)
  --rounds         undisturbed rounds to reach (10), within 15 minutes for each number of connections
  --seconds        of load for each arm in each round (2)
  --arms           of: ${ARMS.map(({ name }) => name).join(', ')}
  --build          one more arm: the service as built in another folder, to measure a change against what is here
`;

/** @throws Error with the usage where the arguments make no sense */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const quick = positionals.includes('quick');
  if (positionals.some((word) => word !== 'quick' && word !== 'limits')) throw new Error(USAGE);
  const rounds = number(values.rounds) ?? (quick ? 5 : 10);
  const seconds = number(values.seconds) ?? (quick ? 1 : 2);
  const connections = values.connections.split(',').map((text) => number(text) ?? 0);
  const limits = quick ? QUICK_LIMITS : LIMITS;
  const arms = [...values.arms.split(',').map(armNamed), ...values.build.map(buildNamed)];
  const names = arms.map(({ name }) => name);
  const plans = connections.map((count) => ({ arms: names, connections: count, rounds, seconds, ...limits }));
  const ofLimits = positionals.includes('limits') ? { quick, rounds: number(values.rounds) ?? 5 } : undefined;
  return { arms, plans, limits: ofLimits };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        connections: { type: 'string', default: '32' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        arms: { type: 'string', default: 'ours,textbook,floor' },
        build: { type: 'string', multiple: true, default: [] },
      },
    });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`, { cause: error });
  }
}

function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(USAGE);
  return value;
}

function armNamed(name: string): Arm {
  const arm = ARMS.find((each) => each.name === name);
  if (!arm) throw new Error(USAGE);
  return arm;
}

function buildNamed(text: string): Arm {
  const [name = '', folder = ''] = text.split('=');
  if (name === '' || folder === '') throw new Error(USAGE);
  return serviceArm(name, folder);
}
