/** What both kinds of specs share: TypeScript by swc, ES modules as Node runs them. */
const common = {
  rootDir: '.',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironment: 'node',
};

export default {
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/src/**/*.spec.ts'] },
    {
      ...common,
      displayName: 'service',
      testMatch: ['<rootDir>/test/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(chaos|fuzz|attacks)/'],
      globalSetup: '<rootDir>/test/support/jest-setup.mjs',
      globalTeardown: '<rootDir>/test/support/jest-teardown.mjs',
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
      globalSetup: '<rootDir>/test/support/jest-setup.mjs',
      globalTeardown: '<rootDir>/test/support/jest-teardown.mjs',
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
