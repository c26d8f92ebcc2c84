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

/** One new agreement for the statements ADD and ADD_KEPT, ready for JSON. */
export interface NewRow {
  readonly reference: string;
  /** Only with an Idempotency-Key. */
  readonly key?: string;
}

/** What it counts under, for ADD. */
export function countedRow(row: NewRow, { contact_keys, prefix_keys, limit_country, address_keys }: NewEntry): NewRow {
  return { ...row, ...{ contact_keys, prefix_keys, limit_country, address_keys } };
}

/** What the statement ADD wants to know of one new agreement. */
export function newRow(agreement: Agreement, eventId: string, traceparent: string | null): NewRow {
  const { facts, changes } = agreement;
  const { contact, document, subject } = facts;
  const [entry] = changes.history;
  const [event] = changes.events;
  if (!entry || !event) throw new Error('a new agreement has one history entry and one event');
  const { type, data } = toIntegrationEvent(event, facts, facts.createdAt);
  return {
    ...{ reference: facts.reference, client: facts.client, id_hash: facts.idHash, channel: contact.channel },
    ...{
      contact: contact.address?.reveal() ?? null,
      contact_hash: `\\x${contact.hash.toString('hex')}`,
      contact_key_id: contact.hashKeyId,
    },
    ...{ country: contact.country, document_id: document.id, document_version: document.version },
    ...{ document_sha256: document.sha256, locale: facts.locale, metadata: facts.metadata, subject_ip: subject.ip },
    ...{ subject_user_agent: subject.userAgent, subject_shown_at: subject.shownAt, test: facts.test },
    ...{ created_at: facts.createdAt, expires_at: facts.expiresAt, kind: entry.kind, detail: entry.detail },
    ...{ event_id: eventId, type, payload: data, traceparent },
  };
}

/** What ADD_KEPT wants to know besides. */
export function keptRow(row: NewRow, { key, fingerprint, keyId, status, answer }: KeptColumns): NewRow {
  const hash = `\\x${fingerprint.toString('hex')}`;
  const kept = { key, fingerprint: hash, fingerprint_key_id: keyId, answer_status: status, answer };
  return { ...row, ...kept };
}

/** The parameters of the statement SAVE. */
export function saveParameters(
  agreement: Agreement,
  at: Date,
  eventIds: string[],
  traceparent: string | null,
): unknown[] {
  const { facts, progress, version, changes } = agreement;
  const events = changes.events.map((event) => toIntegrationEvent(event, facts, at));
  return [
    ...[facts.reference, version, progress.state.status, progress.generation, progress.requestedAt, progress.failures],
    ...codeColumns(progress.state),
    ...timeColumns(progress.state),
    ...[eventIds, events.map(({ type }) => type), events.map(({ data }) => JSON.stringify(data))],
    ...historyColumns(changes),
    ...[at, reasonOf(progress.state), traceparent],
  ];
}

/** The parameters that SAVE_KEPT has besides. */
export function keptParameters({ key, fingerprint, keyId, status, answer }: KeptColumns): unknown[] {
  return [key, fingerprint, keyId, status, answer];
}

function codeColumns(state: AgreementState): unknown[] {
  const code = state.status === 'pending' ? state.code : null;
  if (!code) return new Array<null>(7).fill(null);
  const { generation, seal, issuedAt, expiresAt, failures } = code;
  return [generation, seal?.keyId ?? null, seal?.nonce ?? null, seal?.hash ?? null, issuedAt, expiresAt, failures];
}

function timeColumns(state: AgreementState): [Date | null, Date | null] {
  switch (state.status) {
    case 'pending':
      return [null, null];
    case 'confirmed':
      return [state.confirmedAt, null];
    case 'withdrawn':
      return [state.confirmedAt, state.closedAt];
    case 'rejected':
    case 'expired':
    case 'cancelled':
      return [null, state.closedAt];
  }
}

function reasonOf(state: AgreementState): string | null {
  return state.status === 'pending' || state.status === 'confirmed' ? null : state.reason;
}

function historyColumns({ history }: AgreementChanges): [string[], string[]] {
  return [history.map(({ kind }) => kind), history.map(({ detail }) => JSON.stringify(detail))];
}
