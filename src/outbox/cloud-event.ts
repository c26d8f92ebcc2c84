/** A row of the outbox: one event that is committed and not yet published. */
export interface OutboxEvent {
  /** Order of publication; a bigint as text. */
  readonly seq: string;
  readonly id: string;
  /** The key: every event of one aggregate goes to one partition. */
  readonly aggregateid: string;
  readonly type: string;
  /** JSON, as the database writes it. */
  readonly payload: string;
  readonly client: string;
  readonly test: boolean;
  /** 1, 2, … per aggregate; receivers drop what they have seen. */
  readonly sequence: number;
  readonly occurred_at: Date;
  readonly traceparent: string | null;
}

/** A message as it travels, through Kafka or inside the process. */
export interface EventMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Record<string, string>;
  /** When it happened, by the database's clock, in milliseconds since the epoch. */
  readonly at: number;
}

/** CloudEvents 1.0 in binary mode (Kafka protocol binding §3.2): attributes as `ce_` headers, the value is the data. */
export function toMessage(event: OutboxEvent): EventMessage {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: '/agreement-service',
    ce_type: event.type,
    ce_subject: event.aggregateid,
    ce_time: event.occurred_at.toISOString(),
    ce_sequence: String(event.sequence),
    ce_client: event.client,
    ce_test: String(event.test),
    'content-type': 'application/json',
  };
  if (event.traceparent !== null) headers['traceparent'] = event.traceparent;
  return { key: event.aggregateid, value: event.payload, at: event.occurred_at.getTime(), headers };
}
