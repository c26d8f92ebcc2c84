import type { NewEntry } from '../limits/index.js';
import { toIntegrationEvent } from './agreement.events.js';
import { Agreement, type AgreementChanges } from './agreement.js';
import type { AgreementRow } from './agreement.schema.js';
import type { AgreementState, IssuedCode } from './agreement.state.js';
import { secretContact } from './contact.js';
import type { KeptColumns } from './kept-answers.repository.js';

/** The aggregate in a row. */
export function fromRow(row: AgreementRow): Agreement {
  const facts = {
    reference: row.reference,
    client: row.client,
    idHash: row.id_hash,
    contact: {
      channel: row.channel,
      address: row.contact === null ? null : secretContact(row.channel, row.contact),
      hash: row.contact_hash,
      hashKeyId: row.contact_key_id,
      country: row.country,
    },
    document: { id: row.document_id, version: row.document_version, sha256: row.document_sha256 },
    locale: row.locale,
    metadata: row.metadata,
    subject: { ip: row.subject_ip, userAgent: row.subject_user_agent, shownAt: row.subject_shown_at },
    test: row.test,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
  const { generation, requested_at: requestedAt, failures } = row;
  return new Agreement(facts, { generation, requestedAt, failures, state: stateFrom(row) }, row.version);
}

function stateFrom(row: AgreementRow): AgreementState {
  const { status, confirmed_at: confirmedAt, closed_at: closedAt, close_reason: reason } = row;
  switch (status) {
    case 'pending':
      return { status, code: codeFrom(row) };
    case 'confirmed':
      return { status, confirmedAt: present(confirmedAt) };
    case 'withdrawn':
      return { status, confirmedAt: present(confirmedAt), closedAt: present(closedAt), reason };
    case 'rejected':
    case 'expired':
    case 'cancelled':
      return { status, closedAt: present(closedAt), reason };
  }
}

function codeFrom(row: AgreementRow): IssuedCode | null {
  if (row.code_generation === null) return null;
  return {
    generation: row.code_generation,
    seal: sealFrom(row),
    issuedAt: present(row.code_issued_at),
    expiresAt: present(row.code_expires_at),
    failures: present(row.code_failures),
  };
}

/** All of it or, once it was forgotten, nothing. */
function sealFrom({ code_key_id: keyId, code_nonce: nonce, code_hash: hash }: AgreementRow): IssuedCode['seal'] {
  if (keyId === null && nonce === null && hash === null) return null;
  return { keyId: present(keyId), nonce: present(nonce), hash: present(hash) };
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error('a row of agreement contradicts its own status');
  return value;
}

/** One agreement for the statements LOAD and LOAD_KEPT. */
export interface AskedRow {
  readonly reference: string;
  /** Whose agreement it must be; null for the service itself. */
  readonly client: string | null;
  /** Null without an Idempotency-Key. */
  readonly key: string | null;
}

/** The parameters of the statements LOAD and LOAD_KEPT. */
export function loadParameters(rows: readonly AskedRow[]): string[] {
  const asked = rows.map(({ reference, client, key }, n) => ({ n, asked: reference, client_asking: client, key }));
  return [JSON.stringify(asked)];
}

/** One new agreement for the statements ADD and ADD_KEPT, ready for JSON. */
export interface NewRow {
  readonly reference: string;
  /** Only with an Idempotency-Key. */
  readonly key?: string;
  /** The columns, by their names in the statement. */
  readonly [column: string]: unknown;
}

/**
 * What the statement ADD wants to know of one new agreement.
 * @param entry what it counts under
 */
export function newRow(agreement: Agreement, entry: NewEntry, eventId: string, traceparent: string | null): NewRow {
  const { facts, changes } = agreement;
  const { contact, document, subject } = facts;
  const [noted] = changes.history;
  const [event] = changes.events;
  if (!noted || !event) throw new Error('a new agreement has one history entry and one event');
  const { type, data } = toIntegrationEvent(event, facts, facts.createdAt);
  // Written out: put together of parts, which read better, it took three times as long.
  return {
    reference: facts.reference,
    client: facts.client,
    id_hash: facts.idHash,
    channel: contact.channel,
    contact: contact.address?.reveal() ?? null,
    contact_hash: hex(contact.hash),
    contact_key_id: contact.hashKeyId,
    country: contact.country,
    document_id: document.id,
    document_version: document.version,
    document_sha256: document.sha256,
    locale: facts.locale,
    metadata: facts.metadata,
    subject_ip: subject.ip,
    subject_user_agent: subject.userAgent,
    subject_shown_at: subject.shownAt,
    test: facts.test,
    created_at: facts.createdAt,
    expires_at: facts.expiresAt,
    kind: noted.kind,
    detail: noted.detail,
    event_id: eventId,
    type,
    payload: data,
    traceparent,
    contact_keys: entry.contact_keys,
    prefix_keys: entry.prefix_keys,
    limit_country: entry.limit_country,
    address_keys: entry.address_keys,
  };
}

/** What ADD_KEPT and SAVE_KEPT want to know besides. */
export function keptRow<R extends NewRow | ChangedRow>(row: R, { key, fingerprint, ...more }: KeptColumns): R {
  const { keyId, status, answer } = more;
  const kept = { key, fingerprint: hex(fingerprint), fingerprint_key_id: keyId, answer_status: status, answer };
  return { ...row, ...kept };
}

/** One change for the statements SAVE and SAVE_KEPT, ready for JSON, with what goes into tables of its own. */
export interface ChangedRow {
  readonly reference: string;
  readonly version: number;
  /** Only with an Idempotency-Key. */
  readonly key?: string;
  readonly entries: AgreementChanges['history'];
  readonly raised: readonly { readonly id: string; readonly type: string; readonly payload: object }[];
  /** The columns, by their names in the statement; those that are left out become null. */
  readonly [column: string]: unknown;
}

/**
 * What the statement SAVE wants to know of one change.
 * @param at when it was made
 * @param eventIds one for each event
 */
export function changedRow(
  agreement: Agreement,
  at: Date,
  eventIds: readonly string[],
  traceparent: string | null,
): ChangedRow {
  const { facts, progress, version, changes } = agreement;
  const { state } = progress;
  const code = state.status === 'pending' ? state.code : null;
  const raised = changes.events.map((event, index) => {
    const { type, data } = toIntegrationEvent(event, facts, at);
    return { id: present(eventIds[index] ?? null), type, payload: data };
  });
  return {
    reference: facts.reference,
    version,
    status: state.status,
    generation: progress.generation,
    requested_at: progress.requestedAt,
    failures: progress.failures,
    code_generation: code?.generation,
    code_key_id: code?.seal?.keyId,
    code_nonce: code?.seal && hex(code.seal.nonce),
    code_hash: code?.seal && hex(code.seal.hash),
    code_issued_at: code?.issuedAt,
    code_expires_at: code?.expiresAt,
    code_failures: code?.failures,
    confirmed_at: 'confirmedAt' in state ? state.confirmedAt : undefined,
    closed_at: 'closedAt' in state ? state.closedAt : undefined,
    close_reason: 'reason' in state ? state.reason : undefined,
    at,
    traceparent,
    events: raised.length,
    entries: changes.history,
    raised,
  };
}

/** A change that makes a new generation, with what that counts under. */
export function countedChange(row: ChangedRow, entry: NewEntry): ChangedRow {
  const { contact_keys, prefix_keys, limit_country, address_keys } = entry;
  return { ...row, ...{ counted: true, contact_keys, prefix_keys, limit_country, address_keys } };
}

/** The parameters of the statements SAVE and SAVE_KEPT, for rows in the order of their references. */
export function saveParameters(changes: readonly ChangedRow[]): unknown[] {
  const rows = changes.map(({ entries: _, raised: __, ...row }, n) => ({ n, ...row }));
  const history = changes.flatMap(({ entries }, n) => entries.map(({ kind, detail }, i) => ({ n, i, kind, detail })));
  const events = changes.flatMap(({ raised }, n) => raised.map((event, index) => ({ n, i: index + 1, ...event })));
  return [...[rows, history, events].map((list) => JSON.stringify(list)), changes.map(({ reference }) => reference)];
}

/** As PostgreSQL reads a bytea. */
function hex(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`;
}
