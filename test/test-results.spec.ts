import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const PROGRAM = fileURLToPath(new URL('../scripts/test-results.js', import.meta.url));
const PASSED = [
  { name: 'check:types', passed: true },
  { name: 'check:lint', passed: true },
  { name: 'test:specs', passed: true },
];
const SPECS = { numPassedTests: 5, numFailedTests: 0, numTotalTests: 5, testResults: [] };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agreement-results-'));
  mkdirSync(join(folder, '.test-results'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** What is printed, and the exit code, when the run has left this behind. */
function sumOf(results: { parts?: unknown; specs?: unknown; chaos?: unknown }): [string, number | null] {
  for (const [name, content] of Object.entries(results)) {
    writeFileSync(join(folder, '.test-results', `${name}.json`), JSON.stringify(content));
  }
  const { stdout, status } = spawnSync(process.execPath, [PROGRAM], { cwd: folder, encoding: 'utf8' });
  return [stdout, status];
}

function failing(name: string): unknown {
  return PASSED.map((part) => (part.name === name ? { name, passed: false } : part));
}

test('checks and tests that passed are added up', () => {
  expect(sumOf({ parts: PASSED, specs: SPECS })).toEqual(['7 passed, 0 failed\n', 0]);
});

test('the storm counts like the other tests, and a run of it that did nothing is a failure', () => {
  const parts = [...PASSED, { name: 'test:chaos', passed: true }];
  const chaos = { ...SPECS, numPassedTests: 2, numTotalTests: 2 };
  expect(sumOf({ parts, specs: SPECS, chaos })).toEqual(['9 passed, 0 failed\n', 0]);
  expect(sumOf({ parts, specs: SPECS, chaos: { ...chaos, numPassedTests: 0, numTotalTests: 0 } })).toEqual([
    '7 passed, 1 failed\n',
    1,
  ]);
});

test('a check that failed is one failure', () => {
  expect(sumOf({ parts: failing('check:lint'), specs: SPECS })).toEqual(['6 passed, 1 failed\n', 1]);
});

test('each test that failed is a failure', () => {
  const specs = { ...SPECS, numFailedTests: 2, numTotalTests: 7 };
  expect(sumOf({ parts: failing('test:specs'), specs })).toEqual(['7 passed, 2 failed\n', 1]);
});

test('a file of tests that could not run is a failure', () => {
  const specs = { ...SPECS, testResults: [{ status: 'failed', assertionResults: [] }] };
  expect(sumOf({ parts: failing('test:specs'), specs })).toEqual(['7 passed, 1 failed\n', 1]);
});

test('a file that failed after its tests had passed is a failure, and one with a failed test is not another', () => {
  const leaky = { status: 'failed', assertionResults: [{ status: 'passed' }] };
  const wrong = { status: 'failed', assertionResults: [{ status: 'failed' }] };
  const specs = { ...SPECS, numFailedTests: 1, numTotalTests: 6, testResults: [leaky, wrong] };
  expect(sumOf({ parts: failing('test:specs'), specs })).toEqual(['7 passed, 2 failed\n', 1]);
});

test('too little coverage is a failure, though every test passed', () => {
  expect(sumOf({ parts: failing('test:specs'), specs: SPECS })).toEqual(['7 passed, 1 failed\n', 1]);
});

test('no tests at all are a failure', () => {
  const specs = { ...SPECS, numPassedTests: 0, numTotalTests: 0 };
  expect(sumOf({ parts: PASSED, specs })).toEqual(['2 passed, 1 failed\n', 1]);
});

test('a run that left no results of its specs is a failure', () => {
  expect(sumOf({ parts: PASSED })).toEqual(['2 passed, 1 failed\n', 1]);
});

test('a run that did not come to its end is a failure', () => {
  expect(sumOf({ specs: SPECS })).toEqual(['5 passed, 1 failed\n', 1]);
});

test('a run that left nothing is a failure', () => {
  expect(sumOf({})).toEqual(['0 passed, 1 failed\n', 1]);
});
