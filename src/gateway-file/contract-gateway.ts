import type { GatewayDescription } from './gateway-description.js';
import { type ReadGateway, readGateway } from './gateway-file.js';

/** The JSON that the service speaks by itself, where no file describes another gateway. */
const CONTRACT = `
deduplicates: true
request:
  method: POST
  url: '{url}'
  headers:
    Authorization: 'Bearer {token}'
    Accept: application/json
    Content-Type: application/json
    Idempotency-Key: '{id}'
  json: { id: '{id}', to: '{to}', text: '{text}', sender: '{sender}' }
answers:
  - outcome: accepted
    status: 2xx
    id: message_id
receipts:
  signed: { by: standard-webhooks }
  id: [data.message_id, message_id, data.id, id]
  status: [data.status, status]
  recipient: [data.to, to]
  reason: [data.reason, reason]
  delivered: delivered
  undelivered: { undelivered: other, failed: other, rejected: rejected, expired: expired }
  reasons:
    absent: absent
    unknown_number: unknown_number
    blocked: blocked
    expired: expired
    rejected: rejected
    content: content
    network: network
`;

type Read = Extract<ReadGateway, { gateway: GatewayDescription }>;

/** The gateway of the contract (docs/providers.md), described like any other. */
export function contractGateway(): Read {
  const read = readGateway(CONTRACT);
  if ('faults' in read) throw new Error(read.faults.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return read;
}
