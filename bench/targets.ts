/** What of two arms is compared, in the same round. */
export type Figure = 'perSecond' | 'p50' | 'serverCpu';

/** What the ratio of two arms must reach at so many connections. */
export interface Target {
  readonly over: string;
  readonly under: string;
  readonly figure: Figure;
  readonly connections: number;
  /** What already holds and must go on holding; a run that misses it fails. */
  readonly gate?: number;
  /** Where it is meant to go. */
  readonly reach: number;
}

/** Names of the figures, and which way is better. */
export const FIGURES: Readonly<Record<Figure, { readonly name: string; readonly better: 'higher' | 'lower' }>> = {
  perSecond: { name: 'creates per second', better: 'higher' },
  p50: { name: 'latency (p50)', better: 'lower' },
  serverCpu: { name: "server's CPU per create", better: 'lower' },
};

/** What the arms are compared for. Server's CPU has none: it explains the others, and noise moves it least. */
export const TARGETS: readonly Target[] = [
  { over: 'ours', under: 'textbook', figure: 'perSecond', connections: 32, gate: 2.5, reach: 5 },
  { over: 'ours', under: 'floor', figure: 'perSecond', connections: 32, reach: 0.95 },
  { over: 'ours', under: 'floor', figure: 'p50', connections: 1, reach: 2 },
];
