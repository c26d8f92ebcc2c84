// Everything that must hold: `npm test` the checks and all specs, `npm run check` the checks alone. Each part runs even
// where an earlier one has failed. What they found is kept in .test-results, and the sum is made of that.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { PARTS, readResults, RESULTS, sum, WRITTEN } from './test-results.js';

const CHECKS = [
  ...['check:types', 'check:lint', 'check:format', 'check:architecture', 'check:folders', 'check:dead-code'],
  ...['check:secrets', 'check:audit'],
];

/** Two lanes of about equal length, side by side: much of what the specs do is waiting. What they run is built before. */
const LANES = [
  ['test:specs', 'test:attacks'],
  [...CHECKS, 'test:others', 'test:fuzz', 'test:chaos'],
];

/** Much more than all of it takes; what hangs must not hang for ever. */
const DEADLINE = 30 * 60_000;

/** Runs a part and prints what it said, in one piece. */
async function run(name) {
  const args = name in WRITTEN ? ['--', '--json', `--outputFile=${WRITTEN[name]}`] : [];
  const child = spawn('npm', ['run', '--silent', name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TEST_BUILT: 'yes' },
    timeout: DEADLINE,
  });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => said.push(data));
  const began = performance.now();
  const [status] = await once(child, 'close');
  console.log(`\n> ${name} (${Math.round((performance.now() - began) / 1000)} s)`);
  process.stdout.write(Buffer.concat(said));
  return { name, passed: status === 0 };
}

async function runLane(names) {
  const parts = [];
  for (const name of names) parts.push(await run(name));
  return parts;
}

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS);
const lanes = process.argv[2] === 'checks' ? [CHECKS] : LANES;
if (lanes === LANES) spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
const parts = (await Promise.all(lanes.map(runLane))).flat();
writeFileSync(PARTS, JSON.stringify(parts, null, 2));

console.log();
for (const { name, passed } of parts) console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`);
const { line, good } = sum(readResults());
console.log(line);
process.exitCode = good ? 0 : 1;
