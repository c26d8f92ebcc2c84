import { verdictOf } from './targets.js';
import type { Comparison, Figure, Result } from './workload.js';

/** The first row is the head. */
export type Table = readonly (readonly string[])[];

/** Each comparison beside what it must reach. */
export function comparisonTable({ comparisons, noisy }: Pick<Result, 'comparisons' | 'noisy'>): Table {
  return [
    ['comparison', 'median', 'low … high', 'gate', 'stretch', 'verdict'],
    ...comparisons.map((each) => comparisonRow(each, noisy)),
  ];
}

/** One line for each arm and circumstance, one column for each figure. */
export function figureTable(figures: readonly Figure[]): Table {
  const columns = new Map(figures.map((figure) => [headOf(figure), figure]));
  const rows = new Map<string, Map<string, Figure>>();
  for (const figure of figures) {
    const name = [figure.arm, figure.at].filter((part) => part !== undefined).join(', ');
    const row = rows.get(name) ?? new Map<string, Figure>();
    rows.set(name, row.set(headOf(figure), figure));
  }
  const heads = [...columns.keys()];
  const cell = (figure: Figure | undefined): string => (figure ? numberOf(figure.median) : '');
  return [['arm', ...heads], ...[...rows].map(([name, row]) => [name, ...heads.map((head) => cell(row.get(head)))])];
}

/** As short as it can be read: three digits that count, thousands apart. */
export function numberOf(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function headOf({ name, unit }: Figure): string {
  return unit === '' || name.endsWith(unit) ? name : `${name}, ${unit}`;
}

function comparisonRow(comparison: Comparison, noisy: boolean): string[] {
  const { name, at, better, unit, median, low, high, gate, stretch } = comparison;
  const sign = better === 'higher' ? '≥' : '≤';
  const asked = (value: number | null): string => (value === null ? '' : `${sign} ${value}${withUnit(unit)}`);
  return [
    at === undefined ? name : `${name}, ${at}`,
    `${numberOf(median)}${withUnit(unit)}`,
    `${numberOf(low)} … ${numberOf(high)}`,
    asked(gate),
    asked(stretch),
    verdictOf(comparison, noisy) ?? '',
  ];
}

function withUnit(unit: Comparison['unit']): string {
  if (unit === '×') return '';
  return unit === '' ? '' : ` ${unit}`;
}
