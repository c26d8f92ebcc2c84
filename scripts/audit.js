// What is known against the packages that the service runs with: `npm audit`, from `high` on, but for what
// audit-exceptions.json excuses, each for a time. A registry that gives no such answer is no finding.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const GRAVE = ['high', 'critical'];
const EXCEPTIONS = new URL(process.argv[2] ?? 'audit-exceptions.json', import.meta.url);

/** @returns what is wrong, a line each, or null where the registry did not answer */
function audit(exceptions, today) {
  const report = askRegistry();
  if (!report.vulnerabilities && report.error?.code === undefined && report.message) return null;
  if (!report.vulnerabilities) return [`npm audit: ${report.error?.summary ?? 'no report'}`];
  const excused = new Set(exceptions.filter(({ expires }) => expires >= today).map(({ advisory }) => advisory));
  const found = advisoriesIn(report).filter(({ id }) => !excused.has(id));
  return found.map(({ id, name, severity, title }) => `${id} ${severity} ${name}: ${title}`);
}

function askRegistry() {
  const args = ['audit', '--omit=dev', '--audit-level=high', '--json', '--fetch-retries=0', '--fetch-timeout=30000'];
  const { stdout } = spawnSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  try {
    return JSON.parse(stdout);
  } catch {
    return {};
  }
}

/** The grave ones, each once for every package that it speaks of. */
function advisoriesIn({ vulnerabilities }) {
  // A text in `via` names another package of the list, by which this one is affected.
  const all = Object.values(vulnerabilities).flatMap(({ via }) => via.filter((entry) => typeof entry === 'object'));
  const grave = all.filter(({ severity }) => GRAVE.includes(severity));
  const listed = grave.map(({ url, name, severity, title }) => ({ id: url.split('/').at(-1), name, severity, title }));
  return [...new Map(listed.map((advisory) => [`${advisory.id} ${advisory.name}`, advisory])).values()];
}

/** An exception says which advisory, why it does not matter, and up to which day that is believed. */
function faultsOf(exceptions, today) {
  return exceptions.flatMap(({ advisory, reason, expires }) => {
    const isWhole = /^GHSA(-\w{4}){3}$/.test(advisory) && reason?.length > 20 && /^\d{4}-\d\d-\d\d$/.test(expires);
    if (!isWhole) return [`${advisory}: an exception has an advisory (GHSA-…), a reason and a day of expiry`];
    return expires < today ? [`${advisory}: the exception has expired on ${expires}`] : [];
  });
}

const today = new Date().toISOString().slice(0, 10);
const exceptions = JSON.parse(readFileSync(EXCEPTIONS, 'utf8'));
const found = audit(exceptions, today);
const faults = [...faultsOf(exceptions, today), ...(found ?? [])];
if (found === null) console.log('not answered: this registry knows no audit');
else if (faults.length === 0) console.log(`nothing known against it; exceptions: ${exceptions.length}`);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
