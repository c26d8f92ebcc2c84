import type { Answer } from '../support/api.js';
import type { Deployment } from './deployment.js';

/**
 * An attack: gives the holes that it has found, in words, and none where the service held. Where nothing was there to be
 * attacked it must find one too: a verdict on nothing is none.
 */
export type Attack = (deployment: Deployment) => Promise<string[]>;

/** What an answer is, in two words: the status, and the problem's code or the status of the agreement. */
export function kindOf({ status, body }: Answer): string {
  return `${status} ${body['code'] ?? body['status'] ?? ''}`;
}

/** How many answers there are of each kind. */
export function counted(answers: readonly Answer[]): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const answer of answers) kinds[kindOf(answer)] = (kinds[kindOf(answer)] ?? 0) + 1;
  return kinds;
}

/** So many requests at the same time, every other one at the other replica. */
export function storm(count: number, request: (index: number) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => request(index)));
}

/** Opens so many connections to each replica, so that a storm's requests really arrive together. */
export async function warmUp(deployment: Deployment, each: number): Promise<void> {
  await storm(2 * each, (index) => deployment.at(index).get('/health/live'));
}

/** The hole, where the condition does not hold. */
export function unless(held: boolean, hole: string): string[] {
  return held ? [] : [hole];
}

/** A hole for each kind of answer that nobody should have got. */
export function othersThan(allowed: readonly string[], answers: readonly Answer[]): string[] {
  return Object.entries(counted(answers))
    .filter(([kind]) => !allowed.includes(kind))
    .map(([kind, count]) => `${count} answers ${kind}`);
}
