import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { mutantOf } from '../chaos/mutations.js';
import { describeWithKafka } from '../support/kafka.js';
import { type AttackName, ATTACKS, DEPLOYMENTS, holesOf } from './attacks.js';
import { type DeploymentSettings, useDeployment } from './deployment.js';
import type { Mutation } from './mutations.js';

/** Expects of each defect that the attacks which it names find it. In several spec files, which run side by side. */
export function expectFound(mutations: Readonly<Record<string, Mutation>>): void {
  describe.each(Object.entries(mutations))('where %s', (_, { found, ...mutation }) => {
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
        240_000,
      );
    });
  });
}
