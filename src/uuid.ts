import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** Random bytes in store, 16 for each id: asking the system for them each time took 3 % of a create. */
const STORE = new Uint8Array(16 * 256);
let used = STORE.length;

/** @returns a UUIDv7 (RFC 9562 §5.7) of a time in milliseconds since the epoch; of now, by the clock of this machine, without one */
export function uuidv7(msecs = Date.now()): string {
  return v7({ msecs, random: randomBytes16() });
}

/** 128 random bits, in hex. */
export function randomHex(): string {
  return Buffer.from(randomBytes16()).toString('hex');
}

function randomBytes16(): Uint8Array {
  if (used === STORE.length) {
    randomFillSync(STORE);
    used = 0;
  }
  const bytes = STORE.subarray(used, used + 16);
  used += 16;
  return bytes;
}
