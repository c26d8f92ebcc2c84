import { describe, expect, it } from '@jest/globals';
import {
  AGREEMENT_EVENT_NAMES,
  type AgreementEvent,
  integrationType,
  parseIntegrationType,
  toIntegrationEvent,
} from './agreement.events.js';

const T1 = new Date('2026-01-31T12:00:00.000Z');
const T2 = new Date('2026-01-31T12:01:00.001Z');
const T3 = new Date('2026-02-01T12:00:00.000Z');

/** All that is known of the agreement; what an event does not need must not leak into it. */
const SUBJECT = {
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  client: 'shop',
  idHash: 'somebody',
  document: { id: 'privacy-policy', version: '2026-01', sha256: 'ab'.repeat(32) },
  test: false,
  metadata: { order: '1042' },
  createdAt: T1,
  contact: { channel: 'sms', address: '+79161234567' },
  subject: { ip: '203.0.113.7' },
};

const COMMON = {
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  client: 'shop',
  id_hash: 'somebody',
  document: { id: 'privacy-policy', version: '2026-01', sha256: 'ab'.repeat(32) },
  test: false,
  occurred_at: '2026-01-31T12:01:00.001Z',
};

const CASES: readonly [AgreementEvent, object][] = [
  [
    { name: 'AgreementCreated', generation: 1, expiresAt: T3 },
    { generation: 1, expires_at: '2026-02-01T12:00:00.000Z', metadata: { order: '1042' } },
  ],
  [{ name: 'CodeRequested', generation: 2 }, { generation: 2 }],
  [
    { name: 'CodeSent', generation: 2, channel: 'sms', provider: 'http' },
    { generation: 2, channel: 'sms', provider: 'http' },
  ],
  [
    { name: 'CodeDelivered', generation: 2, channel: 'sms', provider: 'http', reason: null },
    { generation: 2, channel: 'sms', provider: 'http' },
  ],
  [
    { name: 'CodeUndelivered', generation: 2, channel: 'sms', provider: 'http', reason: 'refused' },
    { generation: 2, channel: 'sms', provider: 'http', reason: 'refused' },
  ],
  [
    { name: 'CodeUndelivered', generation: 2, channel: 'sms', provider: null, reason: 'expired' },
    { generation: 2, channel: 'sms', provider: null, reason: 'expired' },
  ],
  [
    { name: 'AgreementConfirmed', generation: 2, confirmedAt: T2 },
    {
      generation: 2,
      created_at: '2026-01-31T12:00:00.000Z',
      confirmed_at: '2026-01-31T12:01:00.001Z',
      metadata: { order: '1042' },
    },
  ],
  [
    { name: 'AgreementWithdrawn', confirmedAt: T2, withdrawnAt: T3, reason: 'changed my mind' },
    {
      confirmed_at: '2026-01-31T12:01:00.001Z',
      withdrawn_at: '2026-02-01T12:00:00.000Z',
      reason: 'changed my mind',
    },
  ],
  [
    { name: 'AgreementWithdrawn', confirmedAt: T2, withdrawnAt: T3, reason: null },
    { confirmed_at: '2026-01-31T12:01:00.001Z', withdrawn_at: '2026-02-01T12:00:00.000Z' },
  ],
  [
    { name: 'AgreementRejected', closedAt: T2, reason: 'failures_exhausted' },
    { closed_at: '2026-01-31T12:01:00.001Z', reason: 'failures_exhausted' },
  ],
  [
    { name: 'AgreementExpired', closedAt: T3, reason: 'expired' },
    { closed_at: '2026-02-01T12:00:00.000Z', reason: 'expired' },
  ],
  [{ name: 'AgreementCancelled', closedAt: T2, reason: null }, { closed_at: '2026-01-31T12:01:00.001Z' }],
];

describe('an integration event', () => {
  it.each(CASES)('of %j carries what the contract lists and nothing else', (event, details) => {
    const { type, data } = toIntegrationEvent(event, SUBJECT, T2);

    expect(type).toBe(`clients.agreement.${event.name}.v1`);
    expect(data).toStrictEqual({ ...COMMON, ...details });
    expect(JSON.parse(JSON.stringify(data))).toStrictEqual(data);
  });

  it('is described here for every name that this version writes', () => {
    expect(new Set(CASES.map(([{ name }]) => name))).toEqual(new Set(AGREEMENT_EVENT_NAMES));
  });

  it('of a test agreement says so', () => {
    const event = { name: 'CodeRequested', generation: 2 } as const;

    expect(toIntegrationEvent(event, { ...SUBJECT, test: true }, T2).data).toMatchObject({ test: true });
  });
});

describe('the type of an event', () => {
  it.each(AGREEMENT_EVENT_NAMES)('of %s is read as it was written', (name) => {
    expect(parseIntegrationType(integrationType(name))).toEqual({ name, version: 1 });
  });

  it.each([
    ['clients.agreement.CodeSent.v2', { name: 'CodeSent', version: 2 }],
    ['clients.agreement.SomethingNew.v17', { name: 'SomethingNew', version: 17 }],
    ['clients.agreement.CodeSent', undefined],
    ['clients.agreement.CodeSent.v', undefined],
    ['clients.agreement.CodeSent.v1.1', undefined],
    ['clients.agreement.CodeSent.v-1', undefined],
    ['clients.agreement.CodeSent.v1234567', undefined],
    ['clients.agreement..v1', undefined],
    ['clients.agreementXCodeSent.v1', undefined],
    ['x.clients.agreement.CodeSent.v1', undefined],
    ['clients.agreement.CodeSent.v1\n', undefined],
    ['orders.CodeSent.v1', undefined],
    ['', undefined],
  ])('%j is read as %j', (type, parsed) => {
    expect(parseIntegrationType(type)).toEqual(parsed);
  });
});
