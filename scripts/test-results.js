// Adds up what the last run has left in .test-results. As a program it prints that line alone.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const RESULTS = '.test-results';
/** The parts of the run: each name, and whether it ended well. */
export const PARTS = `${RESULTS}/parts.json`;
/** What jest has written, by the part of the run that asked for it. */
export const WRITTEN = {
  'test:specs': `${RESULTS}/specs.json`,
  'test:others': `${RESULTS}/others.json`,
  'test:attacks': `${RESULTS}/attacks.json`,
  'test:fuzz': `${RESULTS}/fuzz.json`,
  'test:chaos': `${RESULTS}/chaos.json`,
};

/** All files; an absent one is null. */
export function readResults() {
  const written = Object.entries(WRITTEN).map(([part, file]) => [part, readJson(file)]);
  return { parts: readJson(PARTS), written: Object.fromEntries(written) };
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Every check counts as one, every test as one, and so does every file of tests that failed outside of them. A run that
 * failed for another reason (too little is covered, jest itself has died), or did nothing, has one failure.
 */
export function sum({ parts, written }) {
  const checks = (parts ?? []).filter(({ name }) => name.startsWith('check:'));
  const passedChecks = checks.filter(({ passed }) => passed).length;
  const runs = Object.values(written).filter((specs) => specs !== null);
  const added = (count) => runs.reduce((total, specs) => total + count(specs), 0);
  const passed = passedChecks + added(({ numPassedTests }) => numPassedTests);
  const found = checks.length - passedChecks + added((specs) => specs.numFailedTests + brokenFiles(specs));
  const good = parts !== null && parts.every((part) => part.passed) && testsWere(parts, written) && passed > 0;
  const failed = good ? found : Math.max(found, 1);
  return { line: `${passed} passed, ${failed} failed`, good: failed === 0 };
}

function brokenFiles({ testResults }) {
  const failed = testResults.filter(({ status }) => status === 'failed');
  return failed.filter(({ assertionResults }) => assertionResults.every(({ status }) => status !== 'failed')).length;
}

/** Where specs were asked for, some have run. */
function testsWere(parts, written) {
  return parts.every(({ name }) => !(name in WRITTEN) || written[name]?.numTotalTests > 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { line, good } = sum(readResults());
  console.log(line);
  process.exitCode = good ? 0 : 1;
}
