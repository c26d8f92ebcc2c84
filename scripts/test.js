// Everything that must hold: `npm test` the checks and all specs, `npm run check` the checks alone. Each part runs even
// where an earlier one has failed. What they found is kept in .test-results, and the sum is made of that.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { PARTS, readResults, RESULTS, sum, WRITTEN } from './test-results.js';

const CHECKS = [
  ...['check:types', 'check:lint', 'check:format', 'check:architecture', 'check:folders', 'check:dead-code'],
  ...['check:secrets', 'check:audit'],
];

/** Much more than all of it takes; what hangs must not hang for ever. */
const DEADLINE = 30 * 60_000;

function run(name, ...args) {
  console.log(`\n> ${name}`);
  const child = spawnSync('npm', ['run', '--silent', name, ...(args.length > 0 ? ['--', ...args] : [])], {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: DEADLINE,
  });
  return { name, passed: child.status === 0 };
}

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS);
const parts = CHECKS.map((name) => run(name));
if (process.argv[2] !== 'checks') {
  for (const [name, file] of Object.entries(WRITTEN)) parts.push(run(name, '--json', `--outputFile=${file}`));
}
writeFileSync(PARTS, JSON.stringify(parts, null, 2));

console.log();
for (const { name, passed } of parts) console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`);
const { line, good } = sum(readResults());
console.log(line);
process.exitCode = good ? 0 : 1;
