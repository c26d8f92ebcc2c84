import { describe } from '@jest/globals';

/**
 * `describe` for specs that need the Kafka of this run. Where none could be had they are reported as skipped, with the
 * reason in the name; in CI they run and so fail.
 */
export function describeWithKafka(name: string, specs: () => void): void {
  const missing = process.env['TEST_KAFKA_MISSING'];
  if (missing === undefined || process.env['CI'] === 'true') describe(name, specs);
  else describe.skip(`${name} (skipped: ${missing})`, specs);
}

/** The Kafka of this run. @throws with the reason where there is none */
export function testKafkaBrokers(): string[] {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error(`there is no Kafka for the tests: ${process.env['TEST_KAFKA_MISSING']}`);
  return brokers.split(',');
}
