/** What both kinds of specs share: TypeScript by swc, ES modules as Node runs them. */
const common = {
  rootDir: '.',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironment: 'node',
};

const database = {
  globalSetup: '<rootDir>/test/support/jest-setup.mjs',
  globalTeardown: '<rootDir>/test/support/jest-teardown.mjs',
};

/**
 * Specs that the coverage can do without: of other folders than those that are counted, or of what happens in processes of
 * their own. Counting costs a spec up to four times its time (config.spec: 4.5 s of processor time, and 18.8 s).
 */
const UNCOUNTED = [
  '/src/[^/]+\\.spec',
  '/src/(commands|database|gateway-file|http|kafka|limits|retention)/',
  '/test/(alert-rules|architecture|audit|bench-|clock-jump|database-|dlq-|embedded|gateway-file|handlers|keys-|metrics|migrations)',
  '/test/(openapi|outbox-command|packaging|process-|rolling|sandbox-p|sbom|secrets|security-page|test-results|tls-)',
  '/test/kafka-(client|concurrency|half|outage|path-kill|path-outage|path-dlq|rebalance|stall)',
  '/test/http-(connections|hygiene|keys|malformed|open|production|proxies|security|slow)',
  '/test/(limits-command|erase-command|retention-load|sms-command|sms-twilio-contract|smpp-jsmpp)',
];

export default {
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/src/**/*.spec.ts'] },
    {
      ...common,
      displayName: 'service',
      testMatch: ['<rootDir>/test/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(chaos|fuzz|attacks)/'],
      ...database,
    },
    // The two above in two halves, for a whole run: with coverage and without.
    {
      ...common,
      ...database,
      displayName: 'counted',
      testMatch: ['<rootDir>/{src,test}/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(chaos|fuzz|attacks)/', ...UNCOUNTED],
    },
    {
      ...common,
      ...database,
      displayName: 'uncounted',
      testRegex: UNCOUNTED.map((pattern) => `${pattern}.*\\.spec\\.ts$`.replace('\\.spec.*\\.spec', '\\.spec')),
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(chaos|fuzz|attacks)/'],
    },
    {
      ...common,
      displayName: 'fuzz',
      testMatch: ['<rootDir>/test/fuzz/**/*.spec.ts'],
      globalSetup: '<rootDir>/test/fuzz/jest-setup.mjs',
      globalTeardown: '<rootDir>/test/support/jest-teardown.mjs',
    },
    {
      ...common,
      displayName: 'attacks',
      testMatch: ['<rootDir>/test/attacks/**/*.spec.ts'],
      ...database,
    },
    { ...common, displayName: 'chaos', testMatch: ['<rootDir>/test/chaos/**/*.spec.ts'] },
  ],
  testTimeout: 30_000,
  maxWorkers: 2,
  coverageProvider: 'v8',
  // A state is types alone: nothing of it runs.
  collectCoverageFrom: ['src/{agreement,outbox,messaging}/**/*.ts', '!**/*.spec.ts', '!**/*.state.ts'],
  coverageReporters: ['text', 'json-summary'],
  coverageThreshold: {
    './src/agreement/': { lines: 90 },
    './src/outbox/': { lines: 90 },
    './src/messaging/': { lines: 90 },
  },
};
