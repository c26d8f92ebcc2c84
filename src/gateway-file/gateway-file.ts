import { readAnswers } from './answers.reader.js';
import type { GatewayDescription } from './gateway-description.js';
import { readReceipts } from './receipts.reader.js';
import { placeholdersOf, readRequest } from './request.reader.js';
import { type FileFault, parseSection } from './section.js';
import type { Placeholder } from './template.js';

/** What became of a file: the gateway, or all that is wrong. */
export type ReadGateway =
  | { readonly gateway: GatewayDescription; readonly uses: ReadonlySet<Placeholder | 'url'> }
  | { readonly faults: readonly FileFault[] };

/**
 * Reads the description of a gateway (docs/gateway-file.md). Nothing of it is tried out.
 * @param text YAML, of which JSON is a part
 * @returns the description and the placeholders that it uses, `url` where it begins with SMS_HTTP_URL; or every fault
 */
export function readGateway(text: string): ReadGateway {
  const { root, faults } = parseSection(text);
  if (!root) return { faults: faults.all };
  const deduplicates = root.flag('deduplicates') ?? false;
  const request = readRequest(root);
  const answers = readAnswers(root);
  const receipts = readReceipts(root);
  root.close();
  const used = request ? placeholdersOf(request) : new Set<Placeholder>();
  if (request && deduplicates && !used.has('id')) {
    root.fault('deduplicates', 'is true, but the request does not use {id}: by what would the gateway know a repeat?');
  }
  if (!request || faults.all.length > 0) return { faults: faults.all };
  const uses = new Set<Placeholder | 'url'>([...used, ...(request.origin === undefined ? (['url'] as const) : [])]);
  return { gateway: { deduplicates, request, answers, receipts }, uses };
}
