import { apiDiff, type Diff } from 'api-smart-diff';

/** An OpenAPI document, parsed. */
export type OpenApi = object;

/**
 * The differences between two OpenAPI documents that would break a caller of the older one, a line each. Compatible are
 * new routes, new optional fields of requests, wider limits, new fields, statuses and values of answers; anything else is not.
 */
export function breakingChanges(before: OpenApi, after: OpenApi): string[] {
  // Copies, because it simplifies what it is given.
  return apiDiff(structuredClone(before), structuredClone(after)).filter(breaks).map(inWords);
}

/** The library tells what differs and where; what a caller may rely on is our own contract. */
function breaks({ type, action, path }: Diff): boolean {
  const [section, , , part, ...inside] = path;
  // What routes are made of is compared in its places, where it is known whether the service takes or gives it.
  if (section !== 'paths') return false;
  if (part === 'operationId' || part === 'security') return true;
  if (type === 'annotation' || inside.includes('examples') || inside.includes('example')) return false;
  if (part === 'responses') return action !== 'add' || (type === 'breaking' && !isEnumValue(path)) || isNullable(path);
  return type === 'breaking' || (action === 'remove' && path.at(-2) === 'properties');
}

const isEnumValue = (path: Diff['path']): boolean => path.at(-2) === 'enum';
const isNullable = (path: Diff['path']): boolean => path.at(-1) === 'nullable';

function inWords({ action, path, before, after }: Diff): string {
  const [, route, method, ...place] = path;
  const values = action === 'replace' ? `: ${JSON.stringify(before)} → ${JSON.stringify(after)}` : '';
  return `${String(method ?? '').toUpperCase()} ${String(route)} ${action} ${place.join('/')}${values}`;
}
