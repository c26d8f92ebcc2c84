import type { TestDatabase } from './database.js';
import { freePorts } from './kafka/server-properties.js';
import { startService, type TestService } from './service.js';

/** One answer of /metrics. */
export class Scrape {
  /** @param text as Prometheus reads it */
  constructor(readonly text: string) {}

  /** The names of all metrics, also of those that have no value at the moment. */
  get declared(): Set<string> {
    return new Set([...this.text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name));
  }

  /** The names of those that have one. */
  get valued(): Set<string> {
    const samples = new Set([...this.text.matchAll(/^(\w+)[ {]/gm)].map(([, name]) => name));
    return new Set([...this.declared].filter((name) => samples.has(name) || samples.has(`${name}_count`)));
  }

  /** The sum of what has these labels, and maybe others; undefined where nothing has. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const found = [...this.text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].filter(
      ([, sample, given = '']) => sample === name && wanted.every((label) => given.split(',').includes(label)),
    );
    return found.length === 0 ? undefined : found.reduce((sum, [, , , value]) => sum + Number(value), 0);
  }
}

/** Asks a process for its metrics. @throws where it does not answer 200 */
export async function scrape(port: number): Promise<Scrape> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (response.status !== 200) throw new Error(`/metrics answers ${response.status}`);
  return new Scrape(await response.text());
}

/** A service in this process with a port for its metrics. */
export async function startMeasured(
  database: TestDatabase,
  env: Record<string, string> = {},
): Promise<TestService & { port: number; scrape(): Promise<Scrape> }> {
  const [port] = await freePorts();
  const service = await startService(database, { METRICS_PORT: String(port), ...env });
  return { ...service, port, scrape: () => scrape(port) };
}
