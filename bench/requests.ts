import { createHash } from 'node:crypto';

/** Coprime to the count of numbers: visits each once, jumping between prefixes. */
const STRIDE = 61_803_399;
const NUMBERS = 100_000_000;

const SHA256 = createHash('sha256').update('What the person was shown.').digest('hex');

/** The n-th create: a document, a little metadata, and a Russian mobile number that no other one of 10⁸ has. */
export function requestBody(n: number): string {
  const digits = String((n * STRIDE) % NUMBERS).padStart(8, '0');
  return JSON.stringify({
    id_hash: createHash('md5').update(digits).digest('hex'),
    phone: `+791${digits}`,
    document: { id: 'privacy-policy', version: '2026-01', sha256: SHA256 },
    metadata: { order: String(n) },
  });
}
