import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { mutantOf } from '../chaos/mutations.js';
import { describeWithKafka } from '../support/kafka.js';
import { type AttackName, ATTACKS, DEPLOYMENTS, holesOf } from './attacks.js';
import { type DeploymentSettings, useDeployment } from './deployment.js';
import { MUTATIONS } from './mutations.js';
import { OF_LIMITS } from './mutations.limits.js';
import { OF_PUMPING } from './mutations.pumping.js';
import { OF_VICTIMS } from './mutations.victims.js';

describe.each(Object.entries({ ...MUTATIONS, ...OF_LIMITS, ...OF_PUMPING, ...OF_VICTIMS }))(
  'where %s',
  (_, { found, ...mutation }) => {
    const attacks = Object.entries(found) as [AttackName, RegExp][];
    const [group] = new Set(attacks.map(([name]) => ATTACKS[name].on));
    const settings: DeploymentSettings = DEPLOYMENTS[group!];
    const suite = settings.kafka ? describeWithKafka : describe;
    suite('a hole is found by', () => {
      let main = '';
      const deployment = useDeployment(settings, async () => (main = await mutantOf(mutation)));
      afterAll(() => rm(dirname(dirname(main)), { recursive: true, force: true }));

      it.each(attacks)(
        '%s',
        async (name, hole) => {
          expect(await holesOf(ATTACKS[name].attack, deployment)).toContainEqual(expect.stringMatching(hole));
        },
        120_000,
      );
    });
  },
);
