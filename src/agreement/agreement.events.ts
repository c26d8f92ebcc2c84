import type { AgreementFacts, Channel } from './agreement.state.js';

/**
 * What happened to an agreement, as the aggregate says it. These never leave the process: `toIntegrationEvent` is the
 * one place that turns them into what Kafka carries.
 */
export type AgreementEvent =
  | { readonly name: 'AgreementCreated'; readonly generation: number; readonly expiresAt: Date }
  | { readonly name: 'CodeRequested'; readonly generation: number }
  | { readonly name: 'CodeSent'; readonly generation: number; readonly channel: Channel; readonly provider: string }
  | {
      readonly name: 'CodeDelivered' | 'CodeUndelivered';
      readonly generation: number;
      readonly channel: Channel;
      /** Null where no provider was ever asked. */
      readonly provider: string | null;
      readonly reason: string | null;
    }
  | { readonly name: 'AgreementConfirmed'; readonly generation: number; readonly confirmedAt: Date }
  | {
      readonly name: 'AgreementWithdrawn';
      readonly confirmedAt: Date;
      readonly withdrawnAt: Date;
      readonly reason: string | null;
    }
  | {
      readonly name: 'AgreementRejected' | 'AgreementExpired' | 'AgreementCancelled';
      readonly closedAt: Date;
      readonly reason: string | null;
    };

export type AgreementEventName = AgreementEvent['name'];

/** Every event type that this version writes. A reader that does not act on one must say so (see the consumer). */
export const AGREEMENT_EVENT_NAMES = [
  'AgreementCreated',
  'CodeRequested',
  'CodeSent',
  'CodeDelivered',
  'CodeUndelivered',
  'AgreementConfirmed',
  'AgreementWithdrawn',
  'AgreementRejected',
  'AgreementExpired',
  'AgreementCancelled',
] as const satisfies readonly AgreementEventName[];

const TYPE_PREFIX = 'clients.agreement.';

/** The CloudEvents `ce_type` of an event: `clients.agreement.<Name>.v1`. */
export function integrationType(name: AgreementEventName): string {
  return `${TYPE_PREFIX}${name}.v1`;
}

/** The name and version in a `ce_type` of ours; undefined for anything else. */
export function parseIntegrationType(type: string): { name: string; version: number } | undefined {
  const match = /^clients\.agreement\.([A-Za-z]+)\.v(\d{1,6})$/.exec(type);
  return match ? { name: match[1] ?? '', version: Number(match[2]) } : undefined;
}

/** What Kafka carries of one event: the `ce_type` and the JSON value. Never a code, never a contact. */
export interface IntegrationEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What an event says of its agreement, whatever happened. */
export type EventSubject = Pick<
  AgreementFacts,
  'reference' | 'client' | 'idHash' | 'document' | 'test' | 'metadata' | 'createdAt'
>;

/**
 * The integration event of a domain event, version 1. A new field is compatible; a changed meaning is a `.v2` beside it.
 * @param occurredAt becomes `occurred_at` and `ce_time`
 */
export function toIntegrationEvent(event: AgreementEvent, subject: EventSubject, occurredAt: Date): IntegrationEvent {
  const { reference, client, idHash, document, test } = subject;
  const common = { reference, client, id_hash: idHash, document, test, occurred_at: occurredAt.toISOString() };
  return { type: integrationType(event.name), data: { ...common, ...detailsOf(event, subject) } };
}

function detailsOf(event: AgreementEvent, { metadata, createdAt }: EventSubject): Record<string, unknown> {
  switch (event.name) {
    case 'AgreementCreated':
      return { generation: event.generation, expires_at: event.expiresAt.toISOString(), metadata };
    case 'CodeRequested':
      return { generation: event.generation };
    case 'CodeSent':
      return { generation: event.generation, channel: event.channel, provider: event.provider };
    case 'CodeDelivered':
    case 'CodeUndelivered': {
      const { generation, channel, provider } = event;
      return { generation, channel, provider, ...reasonOf(event) };
    }
    case 'AgreementConfirmed': {
      const times = { created_at: createdAt.toISOString(), confirmed_at: event.confirmedAt.toISOString() };
      return { generation: event.generation, ...times, metadata };
    }
    case 'AgreementWithdrawn': {
      const times = { confirmed_at: event.confirmedAt.toISOString(), withdrawn_at: event.withdrawnAt.toISOString() };
      return { ...times, ...reasonOf(event) };
    }
    case 'AgreementRejected':
    case 'AgreementExpired':
    case 'AgreementCancelled':
      return { closed_at: event.closedAt.toISOString(), ...reasonOf(event) };
  }
}

function reasonOf({ reason }: { readonly reason: string | null }): { reason?: string } {
  return reason === null ? {} : { reason };
}
