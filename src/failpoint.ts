/**
 * Places between two steps that must survive apart: what a crash there leaves behind is what the tests of reliability
 * look at. Named after the part of the service and the step that has just been made.
 */
export const FAILPOINTS = [
  'create.unsaved',
  'create.saved',
  'change.unsaved',
  'change.saved',
  'relay.read',
  'relay.acknowledged',
  'relay.deleted',
  'consumer.received',
  'consumer.queued',
  'consumer.uncommitted',
  'sender.taken',
  'sender.claimed',
  'sender.issued',
  'sender.answered',
  'sender.recorded',
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];

/** What happens where: the process gets the signal at the n-th time that it comes by. */
export interface ArmedFailpoint {
  readonly name: Failpoint;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  readonly pass: number;
}

const armed = new Map<Failpoint, { readonly signal: NodeJS.Signals; passesLeft: number }>();

/** Arms these and no others; never in production, where the configuration refuses to. */
export function armFailpoints(failpoints: readonly ArmedFailpoint[]): void {
  armed.clear();
  for (const { name, signal, pass } of failpoints) armed.set(name, { signal, passesLeft: pass });
}

/** A place to die; does nothing unless armed. */
export function failpoint(name: Failpoint): void {
  const found = armed.get(name);
  if (!found) return;
  found.passesLeft -= 1;
  if (found.passesLeft === 0) process.kill(process.pid, found.signal);
}
