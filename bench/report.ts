import { cpus } from 'node:os';
import type { RatioSummary, Summary } from './summary.js';
import { FIGURES } from './targets.js';

/** The machine and the versions, as far as they matter to the figures. */
export interface Setting {
  readonly cores: number;
  readonly processor: string;
  readonly pinned: boolean;
  readonly node: string;
  readonly postgres: string;
}

export function settingOf(postgres: string, pinned: boolean): Setting {
  const processors = cpus();
  const processor = processors[0]?.model ?? 'unknown';
  return { cores: processors.length, processor, pinned, node: process.version, postgres };
}

/** One line about the machine. */
export function describe({ cores, processor, pinned, node, postgres }: Setting): string {
  return `${cores} cores (${processor}), ${pinned ? 'pinned' : 'not pinned'}, Node ${node}, PostgreSQL ${postgres}`;
}

/** The table for people. */
export function inWords({ connections, rounds, noisy, arms, ratios }: Summary): string {
  const { kept, dropped, secondsEach } = rounds;
  return [
    `create, closed loop, ${connections} connections: ${kept} rounds of ${secondsEach} s for each arm, ${dropped} dropped`,
    ...(noisy ? ['TOO NOISY: too few undisturbed rounds; what follows is taken over all and is a hint only'] : []),
    '',
    table([
      ['arm', 'per second', 'low … high', 'p50 ms', 'p99 ms', 'CPU µs: server', 'PostgreSQL', 'load', 'others'],
      ...arms.map((each) => [
        ...[each.arm, whole(each.perSecond.median), `${whole(each.perSecond.low)} … ${whole(each.perSecond.high)}`],
        ...[each.p50.median.toFixed(2), each.p99.median.toFixed(2)],
        ...[whole(each.serverCpu), whole(each.postgresCpu), whole(each.loadCpu), percent(each.foreign)],
      ]),
    ]),
    '',
    table([['ratio', 'median', 'low … high', 'gate', 'to reach'], ...ratios.map(ratioRow)]),
  ].join('\n');
}

function ratioRow({ over, under, figure, median, low, high, gate, reach, verdict }: RatioSummary): string[] {
  const sign = FIGURES[figure].better === 'higher' ? '≥' : '≤';
  return [
    `${over} ÷ ${under}, ${FIGURES[figure].name}`,
    median.toFixed(2),
    `${low.toFixed(2)} … ${high.toFixed(2)}`,
    gate === null ? '' : `${sign} ${gate} ${verdict}`,
    reach === null ? '' : `${sign} ${reach}`,
  ];
}

function whole(value: number | null): string {
  return value === null ? '–' : String(Math.round(value));
}

function percent(share: number | null): string {
  return share === null ? '–' : `${Math.round(share * 100)} %`;
}

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const aligned = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(aligned).join('  ').trimEnd()).join('\n');
}
