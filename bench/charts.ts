import { mkdir, writeFile } from 'node:fs/promises';
import { init } from 'echarts';
import type { Chart } from './workload.js';

/** Where the charts of docs/performance.md lie. */
export const CHARTS = new URL('../docs/images/bench/', import.meta.url);

const SIZE = { width: 720, height: 360 };
/** Told apart also by who does not tell red from green (Okabe and Ito, 2008); the first is the service's. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#7f7f7f'];
const INK = '#24292f';
const LINE = '#d0d7de';
/** Of its own, so that it is legible on a dark page too. */
const PAPER = '#ffffff';
const FONT = 'Helvetica, Arial, sans-serif';

/** Writes each chart as a file of its name. */
export async function drawCharts(charts: readonly Chart[]): Promise<void> {
  if (charts.length === 0) return;
  await mkdir(CHARTS, { recursive: true });
  for (const chart of charts) await writeFile(new URL(`${chart.file}.svg`, CHARTS), `${svgOf(chart)}\n`);
}

/** The picture of a chart; the same for the same figures. */
export function svgOf(chart: Chart): string {
  const drawing = init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  try {
    drawing.setOption(optionOf(chart));
    const drawn = drawing.renderToSVGString();
    // What changes under a mouse is of no use to a picture, and its names are numbered through the process: a chart must
    // not change because another one was drawn before it.
    return drawn
      .replace(/<style.*<\/style>\s*/s, '')
      .replaceAll(/ class="[^"]*"/g, '')
      .replaceAll(/zr\d+-/g, 'zr-');
  } finally {
    drawing.dispose();
  }
}

function optionOf({ title, kind, unit, logarithmic = false, categories, series }: Chart) {
  const text = { color: INK, fontFamily: FONT };
  const legend = series.length > 1;
  return {
    animation: false,
    backgroundColor: PAPER,
    color: COLOURS,
    textStyle: text,
    title: { text: title, left: 16, top: 12, textStyle: { ...text, fontSize: 15 } },
    ...(legend ? { legend: { orient: 'vertical' as const, left: 550, top: 64, itemGap: 12, textStyle: text } } : {}),
    grid: { left: 72, right: legend ? 186 : 24, top: 72, bottom: 40 },
    xAxis: {
      type: 'category' as const,
      data: [...categories],
      axisLine: { lineStyle: { color: LINE } },
      axisTick: { show: false },
      axisLabel: { color: INK, interval: 0 },
    },
    yAxis: {
      type: logarithmic ? ('log' as const) : ('value' as const),
      name: unit,
      nameTextStyle: { ...text, align: 'left' as const, padding: [0, 0, 0, -48] },
      axisLabel: { color: INK },
      splitLine: { lineStyle: { color: LINE } },
    },
    series: series.map(({ name, values }) => ({ ...shapeOf(kind, series.length), name, data: [...values] })),
  };
}

function shapeOf(kind: Chart['kind'], series: number) {
  if (kind === 'lines') return { type: 'line' as const, symbol: 'circle', symbolSize: 7, lineStyle: { width: 2.5 } };
  // One series tells its bars apart by what stands below them.
  const label = { show: true, position: 'top' as const, color: INK, formatter: valueOf };
  return { type: 'bar' as const, barMaxWidth: 48, colorBy: 'series' as const, ...(series === 1 ? { label } : {}) };
}

function valueOf({ value }: { value: unknown }): string {
  const number = Number(value);
  return number >= 100 ? String(Math.round(number)) : String(Math.round(number * 100) / 100);
}
