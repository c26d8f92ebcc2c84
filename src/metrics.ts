import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What was looked up is believed for so long: a second Prometheus, or an impatient one, asks nothing anew. */
const FRESH = 3_000;
/** A scrape waits no longer for what it looks up; whatever has not come by then is left out of it. */
const PATIENCE = 1_500;

/** Seconds. From a statement on a warm connection to what no caller waits for. */
const SHORT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Seconds. From a provider next door to the last try of a code that lives for fifteen minutes. */
const LONG = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
/** Seconds. From a phone in the hand to one that was off for three days. */
const DAYS = [1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 259200];

/** How a request to agree or to send ended that met a limit; the first six are what `send_limit_reached` names. */
const LIMITS = [
  ...['agreement', 'phone', 'prefix', 'country', 'client', 'hold', 'address'],
  ...['resend_too_soon', 'attempts_exhausted'],
];

/**
 * Everything that Prometheus is told of this process; docs/operations.md lists it. One for each service, never the global
 * registry of the library. No label holds what a caller or a person gave: a label's values are few and known.
 */
@Injectable()
export class Metrics {
  readonly #registry = new Registry();
  readonly #probes: Probe[] = [];
  readonly #gaps = this.#counter('agreement_scrape_gaps_total', 'Times something could not be looked up for a scrape.');

  readonly ready = this.#gauge('agreement_ready', '1 while the process does its work, as /health/ready says.');
  readonly httpRequests = new Histogram({
    ...this.#named('agreement_http_request_duration_seconds', 'Requests, by route template, method and status.'),
    labelNames: ['route', 'method', 'status'],
    buckets: SHORT,
  });
  readonly requestsRefused = this.#counter(
    'agreement_http_refused_total',
    'Requests refused because more came than could be done.',
  );
  readonly limitHits = this.#counter('agreement_limit_hits_total', 'Requests and sends refused by a limit.', 'limit');

  readonly limitHolds = this.#gauge('agreement_limit_holds', 'Prefixes and countries held back now.', 'kind');
  readonly guardAlarms = this.#gauge('agreement_guard_alarms', 'Countries that the guard would hold back.');

  readonly databaseUp = this.#gauge('agreement_database_up', '1 while PostgreSQL answers within a second.');
  readonly poolConnections = this.#gauge('agreement_database_pool_connections', 'Open connections of the pool.');
  readonly poolIdle = this.#gauge('agreement_database_pool_idle_connections', 'Those of them that nobody uses.');
  readonly poolWaiting = this.#gauge('agreement_database_pool_waiting', 'Statements that wait for a connection.');
  readonly poolWait = new Histogram({
    ...this.#named('agreement_database_pool_wait_seconds', 'How long statements waited for a connection.'),
    buckets: SHORT,
  });

  readonly outboxWaiting = this.#gauge('agreement_outbox_waiting_rows', 'Events not published yet, up to 100001.');
  readonly outboxOldest = this.#gauge('agreement_outbox_oldest_seconds', 'Age of the oldest of them; 0 for none.');
  readonly outboxParked = this.#gauge('agreement_outbox_parked_rows', 'Events that cannot be published, up to 100001.');
  readonly relayLeader = this.#gauge('agreement_relay_leader', '1 in the process whose relay publishes.');
  readonly eventsPublished = this.#counter('agreement_relay_events_published_total', 'Events published.');
  readonly relayFailures = this.#counter('agreement_relay_failures_total', 'Rounds of the relay that failed.');

  readonly messages = this.#counter('agreement_consumer_messages_total', 'Events received.', 'outcome');
  readonly consumerRestarts = this.#counter('agreement_consumer_restarts_total', 'Times the consumer was made anew.');
  readonly consumerLag = this.#gauge('agreement_consumer_lag_messages', 'Events not consumed yet.', 'partition');
  readonly deadLetters = this.#counter('agreement_dead_letters_total', 'Messages moved to the dead letter topic.');
  readonly deadLettersWaiting = this.#gauge('agreement_dead_letters_waiting', 'Dead letters not put right yet.');

  readonly sends = this.#counter('agreement_sends_total', 'Calls of a provider.', 'provider', 'outcome');
  readonly sendDuration = new Histogram({
    ...this.#named('agreement_send_duration_seconds', 'How long calls of a provider took.'),
    labelNames: ['provider', 'outcome'],
    buckets: LONG,
  });
  readonly providerAvoided = this.#gauge('agreement_provider_avoided', '1 while a provider is in trouble.', 'provider');
  readonly sendsWaiting = this.#gauge('agreement_sends_waiting', 'Codes to be sent, in hand or not, up to 100001.');
  readonly sendsRetrying = this.#gauge('agreement_sends_retrying', 'Those of them that were tried in vain before.');
  readonly sendsOldestDue = this.#gauge('agreement_sends_oldest_due_seconds', 'How long the oldest due one waits.');
  readonly requestToSend = new Histogram({
    ...this.#named('agreement_request_to_send_seconds', 'From the request for a code until a provider accepted it.'),
    buckets: LONG,
  });

  readonly receipts = this.#counter(
    'agreement_receipts_total',
    'Receipts of providers, by what they say and whether they fitted a text.',
    ...['provider', 'state', 'matched'],
  );
  readonly receiptDelay = new Histogram({
    ...this.#named('agreement_receipt_delay_seconds', 'From the acceptance of a text until its receipt came.'),
    labelNames: ['provider', 'state'],
    buckets: DAYS,
  });

  constructor() {
    // What was never counted is zero: a first hit is else no increase.
    for (const limit of LIMITS) this.limitHits.inc({ limit }, 0);
    for (const outcome of ['handled', 'skipped']) this.messages.inc({ outcome }, 0);
  }

  /** Memory, event loop and handles of the process too; only where somebody scrapes, because that has a timer. */
  includeProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
    // The same by type are there too, under names that promtool does not object to.
    for (const what of ['handles', 'requests', 'resources']) {
      this.#registry.removeSingleMetric(`nodejs_active_${what}_total`);
    }
  }

  /**
   * Has gauges looked up when Prometheus asks. Those that cannot be looked up in time have no value then; the scrape
   * does not fail.
   * @param look sets the gauges; where it has to ask elsewhere, which a promise says, at most once every three seconds
   */
  atScrape(gauges: readonly Gauge[], look: () => Promise<void> | void): void {
    this.#probes.push(new Probe(gauges, look, () => this.#gaps.inc()));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text format of Prometheus, within two seconds. */
  async scrape(): Promise<string> {
    await Promise.all(this.#probes.map((probe) => probe.refresh()));
    return this.#registry.metrics();
  }

  #counter<L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> {
    return new Counter({ ...this.#named(name, help), labelNames });
  }

  #gauge<L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> {
    const gauge = new Gauge({ ...this.#named(name, help), labelNames });
    forget(gauge);
    return gauge;
  }

  #named(name: string, help: string) {
    return { name, help, registers: [this.#registry] };
  }
}

/** Gauges that are looked up together. */
class Probe {
  #lookedAt = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(
    private readonly gauges: readonly Gauge[],
    private readonly look: () => Promise<void> | void,
    private readonly onGap: () => void,
  ) {}

  async refresh(): Promise<void> {
    if (performance.now() - this.#lookedAt < FRESH) return;
    this.#looking ??= this.#lookNow();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#giveUp();
      resolve();
    }, PATIENCE);
    await Promise.race([this.#looking, late]);
    clearTimeout(timer);
  }

  async #lookNow(): Promise<void> {
    try {
      const asked = this.look();
      await asked;
      if (asked) this.#lookedAt = performance.now();
    } catch {
      this.#giveUp();
      this.#lookedAt = performance.now();
    }
    this.#looking = undefined;
  }

  #giveUp(): void {
    this.onGap();
    for (const gauge of this.gauges) forget(gauge);
  }
}

/** No value at all: 0 would be a lie. */
function forget(gauge: Gauge): void {
  gauge.reset();
  gauge.remove({});
}
