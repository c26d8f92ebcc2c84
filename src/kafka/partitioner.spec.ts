import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Partitioners } from 'kafkajs';
import { byKey } from './partitioner.js';

describe('the partition of a message', () => {
  const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 1,
    replicas: [1],
    isr: [1],
  }));

  function chosen(key: Buffer | string | null, partition?: number): number {
    return byKey()({
      topic: 't',
      partitionMetadata,
      message: { key, value: null, ...(partition === undefined ? {} : { partition }) },
    });
  }

  it.each([
    ['references', Array.from({ length: 2_000 }, () => randomUUID())],
    ['bytes of any length', Array.from({ length: 2_000 }, (_, n) => randomBytes(n % 41))],
    ['letters of several bytes', ['ё', 'ключ', '鍵', '😀', '']],
  ])('is that of kafkajs for %s', (_, keys) => {
    const theirs = Partitioners.DefaultPartitioner();
    for (const key of keys) {
      expect(chosen(key)).toBe(theirs({ topic: 't', partitionMetadata, message: { key, value: null } }));
    }
  });

  it('is one by turns without a key, and the given one where it is given', () => {
    const next = byKey();
    const message = { key: null, value: null };
    expect(new Set(partitionMetadata.map(() => next({ topic: 't', partitionMetadata, message }))).size).toBe(7);
    expect(chosen('key', 3)).toBe(3);
  });
});
