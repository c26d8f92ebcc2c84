import { describe, expect, it } from '@jest/globals';
import { anAgreement, asLoaded, BORN, bornPlus, MINUTE, type TestAgreement } from '../../test/support/agreements.js';
import { Secret } from '../secret.js';
import { Agreement } from './agreement.js';
import { type ChangedRow, changedRow, fromRow, newRow, saveParameters } from './agreement.rows.js';
import type { AgreementRow } from './agreement.schema.js';
import { ADD, SAVE } from './agreement.sql.js';

const ENTRY = {
  ...{ client: 'shop', contact_keys: ['1'], prefix_keys: ['2'], country: 'RU' },
  ...{ limit_country: 'RU', address_keys: [] },
};
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** What the statement ADD would put into the columns: its own text says what it takes from the JSON and what is fixed. */
function insertedBy(row: object): AgreementRow {
  const [, columns = '', selected = ''] =
    /INSERT INTO agreement \(([^)]+)\)\s+SELECT ([^]+?) FROM given/.exec(ADD.text) ?? [];
  const words = (list: string): string[] => list.split(',').map((word) => word.trim());
  const given = row as Record<string, unknown>;
  const values = words(selected).map((word) =>
    word in given ? given[word] : (JSON.parse(word.replaceAll("'", '"')) as unknown),
  );
  const untouched = {
    ...{ code_generation: null, code_key_id: null, code_nonce: null, code_hash: null },
    ...{ code_issued_at: null, code_expires_at: null, code_failures: null },
    ...{ confirmed_at: null, closed_at: null, close_reason: null },
  };
  const inserted = Object.fromEntries(words(columns).map((column, index) => [column, values[index]]));
  const hash = Buffer.from(String(inserted['contact_hash']).slice(2), 'hex');
  return { ...untouched, ...inserted, contact_hash: hash } as unknown as AgreementRow;
}

/** What the statement SAVE would make of the row: its own text says what it takes from the JSON. */
function updatedBy(change: ChangedRow, row: AgreementRow): AgreementRow {
  const [, assignments = ''] = /UPDATE agreement a SET([^]+?)FROM given/.exec(SAVE.text) ?? [];
  const changes = [...assignments.matchAll(/(\w+) = q\.(\w+)/g)].map(([, column, name = '']) => [
    column,
    fromJson(change[name] ?? null),
  ]);
  return { ...row, version: row.version + 1, ...Object.fromEntries(changes) } as AgreementRow;
}

/** As PostgreSQL reads it. */
function fromJson(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('\\x') ? Buffer.from(value.slice(2), 'hex') : value;
}

const NEW_ROW = insertedBy(newRow(anAgreement().agreement, ENTRY, 'event-1', TRACE));

describe('the row of an agreement', () => {
  it('is made from a new one and gives it back', () => {
    const { agreement } = anAgreement();

    const loaded = fromRow(NEW_ROW);

    expect(loaded.facts).toEqual(agreement.facts);
    expect(loaded.facts.contact.address?.reveal()).toBe('+79161234567');
    expect(loaded.progress).toEqual(agreement.progress);
    expect(loaded.version).toBe(1);
    expect(loaded.changes).toEqual({ events: [], history: [] });
  });

  it('starts with the history entry, the event and the trace of its creation', () => {
    expect(newRow(anAgreement().agreement, ENTRY, 'event-1', TRACE)).toMatchObject({
      kind: 'created',
      detail: { generation: 1 },
      event_id: 'event-1',
      type: 'clients.agreement.AgreementCreated.v1',
      payload: expect.objectContaining({ generation: 1, occurred_at: BORN.toISOString() }) as object,
      traceparent: TRACE,
    });
  });

  it('is not made from an agreement that is not new', () => {
    expect(() => newRow(asLoaded(anAgreement().agreement), ENTRY, 'event-1', null)).toThrow('a new agreement has');
  });

  it.each<[string, TestAgreement]>([
    ['pending without a code', anAgreement().withRequestedCode()],
    ['pending with a code', anAgreement().withIssuedCode()],
    ['pending with failures', anAgreement().withIssuedCode().withWrongGuesses(2)],
    ['pending with an old code', anAgreement().withIssuedCode().withRequestedCode()],
    ['confirmed', anAgreement().at(MINUTE).confirmed()],
    ['withdrawn', anAgreement().confirmed().after(MINUTE).withdrawn()],
    ['rejected', anAgreement().rejected()],
    ['cancelled', anAgreement().cancelled()],
    ['expired', anAgreement().withIssuedCode().expired()],
  ])('that is %s holds the same after it was saved and loaded', (_, { agreement, now }) => {
    const row = updatedBy(changedRow(agreement, now, ['event-2'], null), NEW_ROW);
    const loaded = fromRow(row);

    expect(loaded.facts).toEqual(agreement.facts);
    expect(loaded.progress).toEqual(agreement.progress);
    expect(row.status).toBe(agreement.progress.state.status);
  });

  it.each<[string, TestAgreement]>([
    ['confirmed', anAgreement().confirmed()],
    ['rejected', anAgreement().rejected()],
    ['cancelled', anAgreement().withIssuedCode().cancelled()],
    ['expired', anAgreement().withIssuedCode().expired()],
  ])('keeps neither the hash nor the nonce of a code once it is %s', (_, { agreement, now }) => {
    const pending = { ...NEW_ROW, code_nonce: Buffer.alloc(16), code_hash: Buffer.alloc(32) };

    const row = updatedBy(changedRow(agreement, now, ['event-2'], null), pending);

    const { code_generation, code_key_id, code_nonce, code_hash, code_issued_at, code_expires_at, code_failures } = row;
    const columns = [
      code_generation,
      code_key_id,
      code_nonce,
      code_hash,
      code_issued_at,
      code_expires_at,
      code_failures,
    ];
    expect(columns).toEqual([null, null, null, null, null, null, null]);
  });

  it('is saved on the version that was loaded, with its history and events in their order', () => {
    const loaded = fromRow({ ...NEW_ROW, version: 41 });
    loaded.requestCode(false, anAgreement().policy, bornPlus(MINUTE));
    loaded.cancel('typed the wrong number', bornPlus(MINUTE));

    const parameters = saveParameters([changedRow(loaded, bornPlus(MINUTE), ['event-2', 'event-3'], TRACE)]);

    const [[row], history, events] = parameters
      .slice(0, 3)
      .map((list) => JSON.parse(String(list)) as Record<string, unknown>[]) as [[unknown], unknown, unknown];
    const at = bornPlus(MINUTE).toISOString();
    expect(row).toEqual({
      ...{ n: 0, reference: NEW_ROW.reference, version: 41, status: 'cancelled', generation: 2, failures: 0 },
      ...{ requested_at: at, closed_at: at, close_reason: 'typed the wrong number', at, traceparent: TRACE, events: 2 },
    });
    expect(history).toEqual([
      { n: 0, i: 0, kind: 'code_requested', detail: { generation: 2 } },
      { n: 0, i: 1, kind: 'cancelled', detail: { reason: 'typed the wrong number' } },
    ]);
    const type = (name: string): string => `clients.agreement.${name}.v1`;
    const requested = expect.objectContaining({ generation: 2, occurred_at: at }) as object;
    const cancelled = expect.objectContaining({ reason: 'typed the wrong number', closed_at: at }) as object;
    expect(events).toEqual([
      { n: 0, i: 1, id: 'event-2', type: type('CodeRequested'), payload: requested },
      { n: 0, i: 2, id: 'event-3', type: type('AgreementCancelled'), payload: cancelled },
    ]);
  });

  it('is saved with others by its number among them', () => {
    const changes = ['event-2', 'event-3'].map((id) => {
      const loaded = fromRow(NEW_ROW);
      loaded.cancel(null, BORN);
      return changedRow(loaded, BORN, [id], null);
    });

    const [, history, events] = saveParameters(changes)
      .slice(0, 3)
      .map((list) => JSON.parse(String(list)) as { n: number; id?: string }[]);

    expect(history?.map(({ n }) => n)).toEqual([0, 1]);
    expect(events?.map(({ n, id }) => [n, id])).toEqual([
      [0, 'event-2'],
      [1, 'event-3'],
    ]);
  });

  it.each<[string, Partial<AgreementRow>]>([
    ['confirmed without its time', { status: 'confirmed' }],
    ['withdrawn without its times', { status: 'withdrawn', confirmed_at: BORN }],
    ['rejected without its time', { status: 'rejected' }],
    ['pending with half a code', { status: 'pending', code_generation: 1, code_key_id: 'first' }],
  ])('that is %s is not believed', (_, change) => {
    expect(() => fromRow({ ...NEW_ROW, ...change })).toThrow('contradicts its own status');
  });

  it('gives an agreement that goes on from there', () => {
    const agreement = anAgreement().withIssuedCode();
    const row = updatedBy(changedRow(agreement.agreement, agreement.now, [], null), NEW_ROW);

    const loaded = fromRow(row);

    expect(loaded).toBeInstanceOf(Agreement);
    expect(loaded.confirm(new Secret(agreement.code), agreement.keys, agreement.policy, BORN)).toEqual({ right: true });
  });
});
