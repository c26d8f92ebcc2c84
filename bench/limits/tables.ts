/** One line of a table. */
export type Row = Readonly<Record<string, string | number>>;

/** Columns as wide as their widest cell; words to the left, numbers to the right. */
export function tableOf(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const cells = [names, ...rows.map((row) => names.map((name) => inWords(row[name] ?? '')))];
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const align = (cell: string, column: number): string =>
    typeof rows[0]?.[names[column] ?? ''] === 'number'
      ? cell.padStart(widths[column] ?? 0)
      : cell.padEnd(widths[column] ?? 0);
  return cells.map((row) => row.map(align).join('  ').trimEnd()).join('\n');
}

function inWords(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) || value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
