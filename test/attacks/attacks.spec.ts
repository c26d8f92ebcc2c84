import { describe, expect, it } from '@jest/globals';
import { describeWithKafka } from '../support/kafka.js';
import { ATTACKS, DEPLOYMENTS, holesOf } from './attacks.js';
import { type DeploymentSettings, useDeployment } from './deployment.js';

describe.each(Object.entries<DeploymentSettings>(DEPLOYMENTS))('a deployment, %s,', (group, settings) => {
  const suite = settings.kafka ? describeWithKafka : describe;
  suite('has no hole for', () => {
    const deployment = useDeployment(settings);
    const led = Object.entries(ATTACKS).filter(([, { on }]) => on === group);

    it.each(led)(
      '%s',
      async (_, { attack }) => {
        expect(await holesOf(attack, deployment)).toEqual([]);
      },
      240_000,
    );
  });
});
