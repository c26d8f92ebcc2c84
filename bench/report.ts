import { comparisonTable, figureTable, type Table } from './tables.js';
import type { Result } from './workload.js';

/** What came of a workload, for people at a terminal. */
export function inWords(title: string, result: Result): string {
  const { rounds, noisy, figures, comparisons, notes } = result;
  const parts = [
    `${title}: ${rounds.kept} rounds, ${rounds.dropped} dropped`,
    ...(noisy ? ['TOO NOISY: too few undisturbed rounds; what follows is taken over all and is a hint only'] : []),
    ...(figures.length === 0 ? [] : [aligned(figureTable(figures))]),
    ...(comparisons.length === 0 ? [] : [aligned(comparisonTable(result))]),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
  ];
  return parts.join('\n\n');
}

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
function aligned(rows: Table): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const cellOf = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cellOf).join('  ').trimEnd()).join('\n');
}
