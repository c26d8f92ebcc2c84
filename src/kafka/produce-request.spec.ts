import { randomBytes, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import type { Message } from 'kafkajs';
import { crc32c } from './crc32c.js';
import { encodeProduce, useFastProduceRequests } from './produce-request.js';

const kafkajs = createRequire(import.meta.url);

/** How kafkajs itself writes a request. */
const theirs = kafkajs('kafkajs/src/protocol/requests/produce/v3/request.js') as (given: object) => {
  encode(): Promise<{ buffer: Buffer }>;
};

const NOW = 1_769_860_800_000;

function requestOf(...partitions: Message[][]) {
  const data = partitions.map((messages, partition) => ({ partition, messages, firstSequence: 0 }));
  return { acks: -1, timeout: 10_000, topicData: [{ topic: 'clients.agreement', partitions: data }] };
}

const event = (at: number, value: Message['value'] = '{"generation":1}'): Message => ({
  key: randomUUID(),
  value,
  timestamp: String(at),
  headers: { ce_specversion: '1.0', ce_id: randomUUID(), ce_client: 'Магазин', 'content-type': 'application/json' },
});

const REQUESTS: [string, ReturnType<typeof requestOf>][] = [
  ['one event', requestOf([event(NOW)])],
  ['events of several partitions', requestOf([event(NOW), event(NOW + 1)], [event(NOW)])],
  [
    'a batch, not in the order of time',
    requestOf(Array.from({ length: 500 }, (_, n) => event(NOW + ((n * 7919) % 500)))),
  ],
  ['events days apart', requestOf([event(NOW - 90 * 86_400_000), event(NOW)])],
  [
    'values around the borders of a length',
    requestOf([0, 1, 40, 63, 64, 65, 100, 8_000, 8_191, 8_192, 8_300].map((n) => event(NOW, 'x'.repeat(n)))),
  ],
  ['a value larger than any buffer', requestOf([event(NOW, 'ё'.repeat(600_000)), event(NOW)])],
  [
    'letters of every width',
    requestOf([event(NOW, 'aё€😀'), event(NOW, 'a'.repeat(63) + 'ё'), event(NOW, 'é'.repeat(40))]),
  ],
  ['half a pair of surrogates', requestOf([event(NOW, 'a\ud83d')])],
  ['no key, no value, no headers', requestOf([{ key: null, value: null, timestamp: String(NOW) }])],
  [
    'bytes',
    requestOf([
      { key: randomBytes(20), value: randomBytes(300), timestamp: String(NOW), headers: { raw: randomBytes(70) } },
    ]),
  ],
  [
    'a header that comes twice',
    requestOf([{ value: '', timestamp: String(NOW), headers: { a: ['1', Buffer.from('2')], b: '' } }]),
  ],
];

describe('a Produce request', () => {
  it.each(REQUESTS)('has the bytes that kafkajs would write for %s', async (_, request) => {
    const expected = (await theirs(request).encode()).buffer;
    expect(encodeProduce(request).buffer.equals(expected)).toBe(true);
  });

  it('has those of an idempotent producer', async () => {
    const request = { ...requestOf([event(NOW)]), producerId: 4_711n, producerEpoch: 3 };
    const expected = (await theirs({ ...request, producerId: 4_711 }).encode()).buffer;
    expect(encodeProduce(request).buffer.equals(expected)).toBe(true);
  });
});

/** Where a broker of kafkajs looks for the protocol. */
const { requests } = kafkajs('kafkajs/src/protocol/requests/index.js') as {
  requests: {
    Produce: { protocol(wanted: { version: number }): (given: object) => { request: { encode(): Promise<object> } } };
  };
};

describe('a request that kafkajs sends', () => {
  const Encoder = kafkajs('kafkajs/src/protocol/encoder.js') as new () => object;

  it.each([
    ['with events is written by us', 7, {}, false],
    ['of an old version is not', 2, {}, true],
    ['that is compressed is not', 7, { compression: 1 }, true],
    ['of a transaction is not', 7, { transactionalId: 'one' }, true],
  ])('%s', async (_, version, more, byItself) => {
    useFastProduceRequests();
    const { request } = requests.Produce.protocol({ version })({ ...requestOf([event(NOW)]), ...more });
    expect((await request.encode()) instanceof Encoder).toBe(byItself);
  });
});

describe('the checksum', () => {
  it.each([
    ['32 zero bytes', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ones', Buffer.alloc(32, 255), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, n) => n)), 0x46dd794e],
    ['no bytes', Buffer.alloc(0), 0],
    ['the nine digits', Buffer.from('123456789'), 0xe3069283],
  ])('of %s is the one of RFC 3720', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});
