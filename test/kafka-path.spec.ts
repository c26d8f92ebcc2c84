import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Api, freshPhone, otherThan } from './support/api.js';
import { useDatabase } from './support/database.js';
import { describeWithKafka, testKafkaBrokers } from './support/kafka.js';
import { KafkaTopics } from './support/kafka-topics.js';
import { leaksIn } from './support/leaks.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { testEnvironment } from './support/service.js';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/;
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const DOCUMENT = { id: 'privacy', version: '3', sha256: 'ab'.repeat(32) };

describeWithKafka('three processes, each with one role', () => {
  const database = useDatabase();
  const processes = useProcesses(database);
  const running: ServiceProcess[] = [];
  const [codes, phones]: [string[], string[]] = [[], []];
  let topics: KafkaTopics;
  let api: Api;
  /** Another one, whose agreements live for a second. */
  let hasty: Api;

  beforeAll(async () => {
    topics = new KafkaTopics(testKafkaBrokers());
    await topics.open();
    const start = async (env: Record<string, string>) => {
      const all = { ...topics.environment, OTP_RESEND_INTERVAL: '0', LOG_LEVEL: 'trace', ...env };
      running.push(await processes.start(testEnvironment(database, all)));
    };
    await start({ ROLES: 'relay' });
    await start({ ROLES: 'worker' });
    await start({ ROLES: 'api', AGREEMENT_TTL: '1' });
    await start({ ROLES: 'api' });
    await Promise.all(running.map((service) => service.ready()));
    [hasty, api] = running.slice(-2).map((service) => service.api) as [Api, Api];
  }, 60_000);

  afterAll(() => topics.close());

  async function create(fields: Record<string, unknown> = {}, by = api) {
    const phone = freshPhone();
    phones.push(phone);
    const { status, body } = await by.with({ traceparent: TRACE }).create({ phone, document: DOCUMENT, ...fields });
    expect(status).toBe(201);
    return { phone, reference: body['reference'], expires_at: body['expires_at'] };
  }

  async function codeSentTo(phone: string, count = 1): Promise<string> {
    const code = await api.codeSentTo(phone, count);
    codes.push(code);
    return code;
  }

  const common = (reference: string) => ({
    reference,
    client: 'local',
    id_hash: 'customer-1',
    document: DOCUMENT,
    test: false,
    occurred_at: expect.stringMatching(TIME),
  });

  function headers(reference: string, name: string, sequence: number): Record<string, unknown> {
    return {
      ce_specversion: '1.0',
      ce_id: expect.stringMatching(UUID),
      ce_source: expect.stringMatching(/./),
      ce_type: `clients.agreement.${name}.v1`,
      ce_subject: reference,
      ce_time: expect.stringMatching(TIME),
      ce_sequence: String(sequence),
      ce_client: 'local',
      ce_test: 'false',
      'content-type': 'application/json',
      traceparent: TRACE,
    };
  }

  it('carry one agreement from the request to its confirmation, each step an event', async () => {
    const metadata = { campaign: 'spring' };
    const { reference, phone, expires_at } = await create({ id_hash: 'customer-1', metadata });
    const code = await codeSentTo(phone);
    const sent = await topics.event(reference, 'CodeSent');
    const confirmed = await api.with({ traceparent: TRACE }).confirm(reference, code);
    expect(confirmed.status).toBe(200);
    await topics.event(reference, 'AgreementConfirmed');

    const events = topics.events(reference);
    const names = ['AgreementCreated', 'CodeSent', 'AgreementConfirmed'];
    expect(events.map((event) => event.headers)).toEqual(names.map((name, n) => headers(reference, name, n + 1)));
    expect(events.map(({ key }) => key)).toEqual([reference, reference, reference]);
    expect(new Set(events.map((event) => event.headers['ce_id'])).size).toBe(3);
    const { created_at, confirmed_at } = confirmed.body;
    expect(events.map(({ data }) => data)).toEqual([
      { ...common(reference), generation: 1, expires_at, metadata },
      { ...common(reference), generation: 1, channel: 'sms', provider: 'sandbox' },
      { ...common(reference), generation: 1, created_at, confirmed_at, metadata },
    ]);
    expect(events.map(({ data }) => data['occurred_at'])).toEqual(events.map((event) => event.headers['ce_time']));
    expect(sent.offset).toBe(events[1]?.offset);
  });

  it('send a second code upon a resend; the first one fails then', async () => {
    const { reference, phone } = await create({ id_hash: 'customer-1' });
    const first = await codeSentTo(phone);
    await topics.event(reference, 'CodeSent');
    expect(await api.post(`/v1/agreement/${reference}/resend`)).toMatchObject({ status: 202 });
    const second = await codeSentTo(phone, 2);
    if (first !== second) {
      expect(await api.confirm(reference, first)).toMatchObject({ status: 422, body: { code: 'code_invalid' } });
    }
    expect(await api.confirm(reference, second)).toMatchObject({ status: 200 });
    await topics.event(reference, 'AgreementConfirmed');
    const events = topics.events(reference);
    expect(events.map((event) => event.headers['ce_type']?.split('.')[2])).toEqual([
      'AgreementCreated',
      'CodeSent',
      'CodeRequested',
      'CodeSent',
      'AgreementConfirmed',
    ]);
    expect(events.map((event) => event.headers['ce_sequence'])).toEqual(['1', '2', '3', '4', '5']);
    expect(events.map(({ data }) => data['generation'])).toEqual([1, 1, 2, 2, 2]);
  });

  it('tell of every other end', async () => {
    const expired = await create({ id_hash: 'customer-1' }, hasty);
    const cancelled = await create({ id_hash: 'customer-1' });
    await api.post(`/v1/agreement/${cancelled.reference}/cancel`, { reason: 'mistake' });
    const withdrawn = await create({ id_hash: 'customer-1' });
    await api.confirm(withdrawn.reference, await codeSentTo(withdrawn.phone));
    await api.post(`/v1/agreement/${withdrawn.reference}/withdraw`);
    const rejected = await create({ id_hash: 'customer-1' });
    const wrong = otherThan(await codeSentTo(rejected.phone));
    for (let n = 0; n < 3; n += 1) await api.confirm(rejected.reference, wrong);
    await topics.event(rejected.reference, 'CodeSent');
    await api.post(`/v1/agreement/${rejected.reference}/resend`);
    const wrongAgain = otherThan(await codeSentTo(rejected.phone, 2));
    for (let n = 0; n < 3; n += 1) await api.confirm(rejected.reference, wrongAgain);

    const dataOf = async ({ reference }: { reference: string }, name: string) =>
      (await topics.event(reference, name)).data;
    const closed_at = expect.stringMatching(TIME);
    expect(await dataOf(cancelled, 'AgreementCancelled')).toEqual({
      ...common(cancelled.reference),
      closed_at,
      reason: 'mistake',
    });
    expect(await dataOf(withdrawn, 'AgreementWithdrawn')).toEqual({
      ...common(withdrawn.reference),
      confirmed_at: expect.stringMatching(TIME),
      withdrawn_at: expect.stringMatching(TIME),
    });
    expect(await dataOf(rejected, 'AgreementRejected')).toEqual({
      ...common(rejected.reference),
      closed_at,
      reason: 'failures_exhausted',
    });
    expect(await dataOf(expired, 'AgreementExpired')).toEqual({
      ...common(expired.reference),
      closed_at: expired.expires_at,
      reason: 'expired',
    });
  });

  it('pass each other the word at once, not at the next poll', async () => {
    const times: number[] = [];
    for (let n = 0; n < 11; n += 1) {
      const asked = performance.now();
      const { phone } = await create();
      await codeSentTo(phone);
      times.push(performance.now() - asked);
    }
    expect(times.toSorted((a, b) => a - b)[5]).toBeLessThan(500);
  });

  it('number the events of each agreement without a gap, in the order of the topic', async () => {
    const created = await Promise.all(Array.from({ length: 50 }, () => create()));
    await Promise.all(created.map(({ reference }) => topics.event(reference, 'CodeSent')));
    for (const reference of new Set(topics.events().map(({ key }) => String(key)))) {
      const numbers = topics.events(reference).map((event) => Number(event.headers['ce_sequence']));
      expect(numbers).toEqual(numbers.map((_, n) => n + 1));
    }
    expect(topics.deadLetters()).toEqual([]);
  });

  it('leave no code and no phone number in what they say, nor on any topic', () => {
    const onTopics = topics.messages.map((message) => JSON.stringify({ ...message, value: String(message.value) }));
    const everything = [...running.map(({ output }) => output), ...onTopics].join('\n');
    expect(codes.length).toBeGreaterThan(10);
    expect(everything).toContain('customer-1');
    expect(leaksIn(everything, codes, phones)).toEqual([]);
  });
});
