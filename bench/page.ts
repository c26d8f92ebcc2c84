import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { CHARTS, drawCharts } from './charts.js';
import { describe, readRuns, type Run } from './results.js';
import { comparisonTable, figureTable, type Table } from './tables.js';

const PAGE = new URL('../docs/performance.md', import.meta.url);
/** The charts, seen from the page. */
const IMAGES = 'images/bench';

/**
 * Writes what was measured last into docs/performance.md and draws its charts; those of nothing that is there are removed.
 * @param order of the workloads in the page
 */
export async function writePage(order: readonly string[]): Promise<void> {
  const runs = await readRuns();
  const known = order.flatMap((name) => runs[name] ?? []);
  await writeFile(PAGE, filled(await readFile(PAGE, 'utf8'), known));
  const charts = known.flatMap(({ result }) => result.charts);
  const named = new Set(charts.map(({ file }) => `${file}.svg`));
  for (const file of await readdir(CHARTS).catch(() => [])) if (!named.has(file)) await rm(new URL(file, CHARTS));
  await drawCharts(charts);
}

/**
 * A page with the figures between its markers: `targets` is every comparison of which something is asked, `workloads` what
 * came of each workload.
 */
export function filled(page: string, runs: readonly Run[]): string {
  const none = '_Not measured yet._';
  const blocks = { targets: targetsOf(runs) ?? none, workloads: runs.map(workloadOf).join('\n\n') || none };
  return page.replaceAll(/<!-- bench: (targets|workloads) -->.*?<!-- \/bench -->/gs, (_, name: keyof typeof blocks) => {
    return `<!-- bench: ${name} -->\n\n${blocks[name]}\n\n<!-- /bench -->`;
  });
}

/** All that has a gate or a stretch, of all workloads. */
function targetsOf(runs: readonly Run[]): string | undefined {
  const rows = runs.flatMap(({ result }) => {
    const comparisons = result.comparisons.filter(({ gate, stretch }) => gate !== null || stretch !== null);
    return comparisonTable({ ...result, comparisons }).slice(1);
  });
  return rows.length === 0 ? undefined : markdown([...comparisonTable(NOTHING), ...rows]);
}

const NOTHING = { comparisons: [], noisy: false };

function workloadOf({ title, when, quick, setting, result }: Run): string {
  const { rounds, noisy, comparisons, figures, charts, notes } = result;
  const more = comparisons.filter(({ gate, stretch }) => gate === null && stretch === null);
  const how = [when.slice(0, 10), ...(quick ? ['quick'] : []), describe(setting)].join(', ');
  const doubt = noisy ? ' **Too noisy: a hint only.**' : '';
  const parts = [
    `### ${title}`,
    ...charts.map(({ file, title }) => `![${title}](${IMAGES}/${file}.svg)`),
    `${how}; ${rounds.kept} rounds, ${rounds.dropped} dropped.${doubt}`,
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
    ...(more.length === 0
      ? []
      : [markdown(comparisonTable({ comparisons: more, noisy }).map((row) => row.slice(0, 3)))]),
    ...(figures.length === 0 ? [] : [folded('Figures, medians', markdown(figureTable(figures)))]),
  ];
  return parts.join('\n\n');
}

function folded(summary: string, text: string): string {
  return `<details>\n<summary>${summary}</summary>\n\n${text}\n\n</details>`;
}

function markdown([head = [], ...rows]: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map((_, column) => (column === 0 ? '---' : '--:')).join('|')}|`, ...rows.map(line)].join(
    '\n',
  );
}
