import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { useDatabase } from './support/database.js';
import { startMeasured } from './support/metrics.js';
import { describeWithPromtool, promtool } from './support/promtool.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

const page = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text = '']) => text);
const text = blocks.find((block) => block.startsWith('groups:')) ?? '';
const rules: Rule[] = (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const namesIn = (source: string) => new Set(source.match(/\bagreement_[a-z_]+/g));

/** A series and its value from minute to minute, in promtool's short form; null where there is none. */
type Series = Readonly<Record<string, string | null>>;

const always = (value: number) => `${value}+0x40`;
const rising = (step: number) => `0+${step}x40`;

/** Three processes that have something to do and do it. */
const HEALTHY: Series = {
  'agreement_ready{instance="a"}': always(1),
  'agreement_ready{instance="r"}': always(1),
  'agreement_database_up{instance="a"}': always(1),
  'agreement_http_refused_total{instance="a"}': always(400),
  'agreement_relay_leader{instance="r"}': always(1),
  'agreement_relay_leader{instance="s"}': always(0),
  'agreement_outbox_oldest_seconds{instance="a"}': always(0.2),
  'agreement_outbox_parked_rows{instance="a"}': always(0),
  'agreement_dead_letters_waiting{instance="r"}': always(0),
  'agreement_consumer_lag_messages{instance="r",partition="0"}': always(3),
  'agreement_consumer_lag_messages{instance="r",partition="1"}': always(2),
  'agreement_consumer_messages_total{instance="w",outcome="handled"}': rising(60),
  'agreement_sends_total{instance="w",provider="http",outcome="accepted"}': rising(60),
  'agreement_sends_total{instance="w",provider="http",outcome="try_later"}': rising(3),
  'agreement_provider_avoided{instance="w",provider="http"}': always(0),
  'agreement_sends_oldest_due_seconds{instance="w"}': always(0),
  'agreement_sends_retrying{instance="w"}': always(4),
  'agreement_request_to_send_seconds_bucket{instance="w",le="1"}': rising(59),
  'agreement_request_to_send_seconds_bucket{instance="w",le="10"}': rising(60),
  'agreement_request_to_send_seconds_bucket{instance="w",le="60"}': rising(60),
  'agreement_request_to_send_seconds_bucket{instance="w",le="+Inf"}': rising(60),
  'agreement_database_pool_wait_seconds_bucket{instance="a",le="0.005"}': rising(600),
  'agreement_database_pool_wait_seconds_bucket{instance="a",le="0.5"}': rising(600),
  'agreement_database_pool_wait_seconds_bucket{instance="a",le="2.5"}': rising(600),
  'agreement_database_pool_wait_seconds_bucket{instance="a",le="+Inf"}': rising(600),
};

/** What is different, and the one alert that is to tell of it. */
const TROUBLE: readonly (readonly [what: string, alert: string, series: Series])[] = [
  [
    'nothing is scraped',
    'AgreementNotScraped',
    { 'agreement_ready{instance="a"}': null, 'agreement_ready{instance="r"}': null },
  ],
  [
    'PostgreSQL is away, so that the process is not ready either',
    'AgreementDatabaseDown',
    { 'agreement_database_up{instance="a"}': always(0), 'agreement_ready{instance="a"}': always(0) },
  ],
  ['a process waits for Kafka', 'AgreementNotReady', { 'agreement_ready{instance="a"}': always(0) }],
  [
    'more requests come than can be done',
    'AgreementOverloaded',
    { 'agreement_http_refused_total{instance="a"}': rising(600) },
  ],
  ['two relays stand by', 'AgreementNoRelayLeader', { 'agreement_relay_leader{instance="r"}': always(0) }],
  [
    'no relay runs',
    'AgreementNoRelayLeader',
    { 'agreement_relay_leader{instance="r"}': null, 'agreement_relay_leader{instance="s"}': null },
  ],
  ['events wait', 'AgreementOutboxOld', { 'agreement_outbox_oldest_seconds{instance="a"}': '0+60x40' }],
  ['an event is parked', 'AgreementEventsParked', { 'agreement_outbox_parked_rows{instance="a"}': always(1) }],
  ['a dead letter lies there', 'AgreementDeadLetters', { 'agreement_dead_letters_waiting{instance="r"}': always(1) }],
  [
    'workers fall behind',
    'AgreementConsumerLagGrowing',
    { 'agreement_consumer_lag_messages{instance="r",partition="1"}': rising(20) },
  ],
  [
    'no worker finishes anything',
    'AgreementConsumerStuck',
    { 'agreement_consumer_messages_total{instance="w",outcome="handled"}': always(7) },
  ],
  [
    'no process counts messages',
    'AgreementConsumerStuck',
    { 'agreement_consumer_messages_total{instance="w",outcome="handled"}': null },
  ],
  [
    'a code is due and nobody sends',
    'AgreementSendsLate',
    { 'agreement_sends_oldest_due_seconds{instance="w"}': '0+60x40' },
  ],
  [
    'a provider takes one call in four no more',
    'AgreementSendsFailing',
    { 'agreement_sends_total{instance="w",provider="http",outcome="try_later"}': rising(20) },
  ],
  [
    'a provider is in trouble',
    'AgreementProviderAvoided',
    { 'agreement_provider_avoided{instance="w",provider="http"}': always(1) },
  ],
  ['retries pile up', 'AgreementRetriesPilingUp', { 'agreement_sends_retrying{instance="w"}': rising(10) }],
  [
    'one code in ten takes half a minute',
    'AgreementCodesSlow',
    {
      'agreement_request_to_send_seconds_bucket{instance="w",le="1"}': rising(54),
      'agreement_request_to_send_seconds_bucket{instance="w",le="10"}': rising(54),
    },
  ],
  [
    'a prefix is pumped',
    'AgreementSendsHeldBack',
    {
      'agreement_limit_holds{instance="w",kind="prefix"}': always(1),
      'agreement_limit_holds{instance="a",kind="prefix"}': always(1),
      'agreement_limit_holds{instance="w",kind="country"}': always(0),
    },
  ],
  ['a country is pumped', 'AgreementCountrySuspected', { 'agreement_guard_alarms{instance="w"}': always(1) }],
  [
    'the pool is too small',
    'AgreementPoolWaits',
    {
      'agreement_database_pool_wait_seconds_bucket{instance="a",le="0.005"}': rising(300),
      'agreement_database_pool_wait_seconds_bucket{instance="a",le="0.5"}': rising(500),
    },
  ],
];

const folder = mkdtempSync(join(tmpdir(), 'agreement-rules-'));
const file = join(folder, 'rules.yml');
writeFileSync(file, text);
afterAll(() => rmSync(folder, { recursive: true }));

/** Lets promtool play forty minutes and say whether exactly these alerts fire in the end. */
function play(series: Series, firing: readonly string[], at = '40m') {
  const input = Object.entries(series).flatMap(([name, values]) => (values === null ? [] : [{ series: name, values }]));
  const samples = firing.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 }));
  const expr = 'count by (alertname) (ALERTS{alertstate="firing"})';
  const test = {
    interval: '1m',
    input_series: input,
    promql_expr_test: [{ expr, eval_time: at, exp_samples: samples }],
  };
  const tests = join(folder, 'tests.yml');
  writeFileSync(tests, stringify({ rule_files: [file], evaluation_interval: '1m', tests: [test] }));
  return promtool(['test', 'rules', tests]);
}

describeWithPromtool('the alert rules of docs/operations.md', () => {
  it('are rules', () => {
    expect(promtool(['check', 'rules', file])).toMatchObject({
      code: 0,
      output: expect.stringContaining(`${rules.length} rules found`),
    });
  });

  it.each([['1m'], ['12m'], ['40m']])('are quiet while all is well, after %s', (at) => {
    expect(play(HEALTHY, [], at)).toMatchObject({ code: 0 });
  });

  it.each(TROUBLE)('where %s: %s, and nothing else', (_what, alert, series) => {
    expect(play({ ...HEALTHY, ...series }, [alert])).toMatchObject({ code: 0 });
  });
});

describe('each alert', () => {
  it('is tried above', () => {
    const tried = new Set(TROUBLE.map(([, alert]) => alert));
    expect(rules.map(({ alert }) => alert).sort()).toEqual([...tried].sort());
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s says how bad it is, what it is and what to do',
    (_name, rule) => {
      expect(['critical', 'warning']).toContain(rule.labels['severity']);
      expect(rule.annotations).toEqual({ summary: expect.stringMatching(/\.$/), action: expect.stringMatching(/\.$/) });
    },
  );
});

describe('the metrics of docs/operations.md', () => {
  const database = useDatabase();

  it('are those of a running service, and the rules speak of no other', async () => {
    const service = await startMeasured(database);
    const { declared } = await service.scrape();
    await service.stop();
    const ours = [...declared].filter((name) => name.startsWith('agreement_')).sort();
    const table = page.split('\n').filter((line) => line.startsWith('| `agreement_'));
    const described = table.flatMap((line) => [...namesIn(line.split('|')[1] ?? '')]);
    expect(described.sort()).toEqual(ours);
    const used = rules.flatMap(({ expr }) => [...namesIn(expr)]).map((name) => name.replace(/_bucket$/, ''));
    expect(used.filter((name) => !declared.has(name))).toEqual([]);
    expect(used.length).toBeGreaterThan(rules.length);
  });
});
