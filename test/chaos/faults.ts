import { setTimeout as delay } from 'node:timers/promises';
import { type Failpoint, FAILPOINTS } from '../../src/failpoint.js';
import type { Member } from './member.js';
import type { Random } from './random.js';
import type { World } from './world.js';

/** Something that goes wrong and is over again when the promise resolves. */
export interface Fault {
  readonly name: string;
  inject(world: World, random: Random): Promise<void>;
}

const seconds = (random: Random, from: number, to: number): Promise<void> =>
  delay(random.between(from * 1000, to * 1000));

const ofMember = (name: string, harm: (member: Member, random: Random) => Promise<void>): Fault => ({
  name,
  inject: (world, random) => harm(random.of(world.mortal), random),
});

/** A fault of one process, or of its way to PostgreSQL. */
const PROCESS_FAULTS: readonly Fault[] = [
  ofMember('kill -9 of a process', async (member, random) => {
    await member.kill();
    await seconds(random, 0, 2);
    await member.start();
  }),
  ofMember('an orderly restart of a process', async (member) => {
    await member.end();
    await member.start();
  }),
  ofMember('SIGSTOP of a process', async (member, random) => {
    member.stop();
    // Beyond the lease of the relay always, beyond the lease of a send now and then.
    await seconds(random, 4, 20);
    member.resume();
  }),
  ofMember('a cut network between a process and PostgreSQL', async ({ database }, random) => {
    await database.cut();
    await seconds(random, 1, 5);
    await database.open();
  }),
  ofMember('a half-open network between a process and PostgreSQL', async ({ database }, random) => {
    database.freeze();
    await seconds(random, 4, 8);
    database.abandon();
  }),
  ofMember('a network that hands everything on late', async ({ database }, random) => {
    database.freeze();
    await seconds(random, 1, 6);
    database.thaw();
  }),
];

const SERVER_FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 of the broker',
    inject: async ({ broker }, random) => {
      await broker.kill();
      await seconds(random, 1, 6);
      await broker.restart();
    },
  },
  {
    name: 'a frozen broker',
    inject: async ({ broker }, random) => {
      broker.pause();
      await seconds(random, 3, 15);
      broker.resume();
    },
  },
  {
    name: 'a cut network to Kafka',
    inject: async ({ kafka }, random) => {
      await kafka.cut();
      await seconds(random, 1, 6);
      await kafka.open();
    },
  },
  {
    name: 'a half-open network to Kafka',
    inject: ({ kafka }) => {
      kafka.abandon();
      return Promise.resolve();
    },
  },
  { name: 'the end of every session of PostgreSQL', inject: (world) => world.terminateBackends() },
  {
    name: 'a restart of PostgreSQL',
    inject: async (world, random) => {
      await world.stopPostgres();
      await seconds(random, 0, 3);
      await world.startPostgres();
    },
  },
  {
    name: 'kill -9 of PostgreSQL',
    inject: async (world, random) => {
      await world.killPostgres();
      await seconds(random, 0, 3);
      await world.startPostgres();
    },
  },
];

/** Which processes come by there. */
const PLACES: Readonly<Record<string, Member['role']>> = {
  create: 'api',
  change: 'api',
  relay: 'relay',
  consumer: 'worker',
  sender: 'worker',
};
const DIES_WITHIN = 10_000;
/** A relay takes over within 5 s, and then comes by as well. */
const NEXT_DIES_WITHIN = 5_000;
const LATEST_PASS = 10;

/** kill -9 at exactly one place, in every process of the role that comes by. */
function deathAt(name: Failpoint): Fault {
  return {
    name: `death at ${name}`,
    inject: async (world, random) => {
      const role = PLACES[name.split('.')[0] ?? ''] ?? 'worker';
      const members = world.mortal.filter((member) => member.role === role);
      const armed = `${name}=kill@${random.between(1, LATEST_PASS)}`;
      const arm = async (member: Member): Promise<void> => {
        // Not killed: the group would wait for it before it lets the next one in.
        await member.end();
        // It may die before it was ever ready.
        await member.start(armed).catch(() => undefined);
      };
      await Promise.all(members.map(arm));
      await Promise.any(members.map((member) => member.dies(DIES_WITHIN)));
      await Promise.all(members.map((member) => member.dies(NEXT_DIES_WITHIN)));
      await Promise.all(
        members.map(async (member) => {
          await member.kill();
          await member.start();
        }),
      );
    },
  };
}

/** A death at each place, once. */
export const DEATHS: readonly Fault[] = FAILPOINTS.map(deathAt);

/** Everything that may happen in a storm. The deaths are more than the others, and each of those should come as often. */
export const FAULTS: readonly Fault[] = [PROCESS_FAULTS, PROCESS_FAULTS, SERVER_FAULTS, SERVER_FAULTS, DEATHS].flat();

/** Nothing goes wrong. */
export const CALM: Fault = { name: 'nothing', inject: () => Promise.resolve() };
