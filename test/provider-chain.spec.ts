import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { useDatabase } from './support/database.js';
import { raisedBy, watchEvents } from './support/raised-events.js';
import { startService, type TestService } from './support/service.js';
import { twilioCallback } from './support/twilio-receipt.js';
import {
  freshGerman,
  type Manner,
  type ProviderCall,
  type ProviderName,
  TwoProviders,
} from './support/two-providers.js';
import { until } from './support/until.js';

const PUBLIC_URL = 'https://consent.example';
const MANNERS: readonly Manner[] = ['accepted', 'refused', 'later', 'too_late', 'unknown'];

describe('two providers', () => {
  const database = useDatabase();
  let providers: TwoProviders;
  let service: TestService;
  beforeAll(async () => {
    providers = await TwoProviders.start();
    service = await startService(database, { ...providers.environment, PUBLIC_URL });
    await watchEvents(database);
  });
  afterAll(() => providers.stop());

  /** Asks for an agreement of somebody whom the providers treat so. */
  async function create(phone: string, how: Partial<Record<ProviderName, readonly Manner[]>>): Promise<string> {
    for (const name of ['http', 'twilio'] as const) providers.treats(name, phone, ...(how[name] ?? []));
    const { body } = await service.api.create({ phone });
    return String(body['reference']);
  }

  const ends = (reference: string): Promise<Record<string, unknown>> =>
    until(
      'the end',
      async () => {
        const { body } = await service.api.get(`/v1/agreement/${reference}`);
        return body['delivery'] === 'queued' ? undefined : body;
      },
      20_000,
    );

  const eventsOf = async (reference: string) => {
    const events = await raisedBy(database, reference);
    return events
      .slice(1)
      .map(({ type, payload }) => `${type} ${payload['provider']}${payload['reason'] ? ` ${payload['reason']}` : ''}`);
  };

  it('are asked in the order of the country', async () => {
    const [russian, german, other] = [freshPhone(), freshGerman(), '+33612345678'];
    for (const phone of [russian, german, other]) await ends(await create(phone, {}));
    expect([russian, german, other].map((phone) => providers.told(phone))).toEqual([
      ['http accepted'],
      ['twilio accepted'],
      ['http accepted'],
    ]);
  });

  it.each<[string, () => string, Partial<Record<ProviderName, readonly Manner[]>>, string[], string]>([
    [
      'a refusal: the next one, at once',
      freshPhone,
      { http: ['refused'] },
      ['http refused', 'twilio accepted'],
      'CodeSent twilio',
    ],
    [
      'a refusal by all: nobody again',
      freshPhone,
      { http: ['refused'], twilio: ['refused'] },
      ['http refused', 'twilio refused'],
      'CodeUndelivered twilio refused',
    ],
    [
      'a moment: the same one after it',
      freshPhone,
      { http: ['later'] },
      ['http later', 'http accepted'],
      'CodeSent http',
    ],
    [
      'an hour, which the code does not have: the next one, at once',
      freshPhone,
      { http: ['too_late'] },
      ['http too_late', 'twilio accepted'],
      'CodeSent twilio',
    ],
    [
      'an hour, and then a refusal: time was what was missing',
      freshPhone,
      { http: ['too_late'], twilio: ['refused'] },
      ['http too_late', 'twilio refused'],
      'CodeUndelivered twilio expired',
    ],
    [
      'no answer, by one that keeps ids: again the same one, until it speaks',
      freshPhone,
      { http: ['unknown', 'unknown', 'refused'] },
      ['http unknown', 'http unknown', 'http refused', 'twilio accepted'],
      'CodeSent twilio',
    ],
    [
      'no answer, by one that keeps none: the same one once more',
      freshGerman,
      { twilio: ['unknown', 'accepted'] },
      ['twilio unknown', 'twilio accepted'],
      'CodeSent twilio',
    ],
    [
      'no answer twice, by one that keeps none: nobody',
      freshGerman,
      { twilio: ['unknown', 'unknown'] },
      ['twilio unknown', 'twilio unknown'],
      'CodeUndelivered twilio unknown',
    ],
    [
      'no answer and then a refusal, by one that keeps none: nobody',
      freshGerman,
      { twilio: ['unknown', 'refused'] },
      ['twilio unknown', 'twilio refused'],
      'CodeUndelivered twilio unknown',
    ],
  ])('after %s', async (_, phoneOf, how, told, event) => {
    const phone = phoneOf();
    const reference = await create(phone, how);
    await ends(reference);
    expect(providers.told(phone)).toEqual(told);
    expect(await eventsOf(reference)).toEqual([event]);
    expect(new Set(providers.calls(phone).map(({ code }) => code)).size).toBe(1);
    const tries = await database.query('SELECT provider, outcome FROM send_try WHERE reference = $1 ORDER BY try', [
      reference,
    ]);
    const outcomes = tries.map(({ provider, outcome }) => `${String(provider)} ${String(outcome)}`);
    expect(outcomes).toEqual(told.map((call) => call.replace(/later|too_late/, 'try_later')));
  });

  it('do not make one code count as two', async () => {
    const phone = freshPhone();
    const limited = await startService(database, { ...providers.environment, LIMIT_PHONE: '1/600' });
    await service.stop();
    providers.treats('http', phone, 'refused');
    providers.treats('twilio', phone, 'later');
    const { body } = await limited.api.create({ phone });
    await limited.api.until(String(body['reference']), { delivery: 'sent' });
    expect(providers.told(phone)).toEqual(['http refused', 'twilio later', 'twilio accepted']);
    service = await startService(database, { ...providers.environment, PUBLIC_URL });
    await limited.stop();
  });

  describe('after a receipt that says undelivered', () => {
    async function undelivered(http: Manner): Promise<{ phone: string; reference: string }> {
      const phone = freshGerman();
      const reference = await create(phone, { http: [http] });
      await ends(reference);
      const [row] = await database.query('SELECT provider_message_id AS sid FROM send WHERE reference = $1', [
        reference,
      ]);
      const fields = {
        AccountSid: 'AC0',
        MessageSid: String(row?.['sid']),
        MessageStatus: 'undelivered',
        ErrorCode: '30003',
        To: phone,
      };
      const { body, headers } = twilioCallback(fields, `${PUBLIC_URL}/v1/delivery/twilio`);
      expect(await service.api.request('POST', '/v1/delivery/twilio', body, headers)).toMatchObject({ status: 204 });
      return { phone, reference };
    }

    it('the next one brings the same code, once', async () => {
      const { phone, reference } = await undelivered('accepted');
      await until('the second text', async () => (await eventsOf(reference)).length === 3);
      expect(await ends(reference)).toMatchObject({ delivery: 'sent', delivery_reason: null });
      expect(providers.told(phone)).toEqual(['twilio accepted', 'http accepted']);
      expect(new Set(providers.calls(phone).map(({ code }) => code)).size).toBe(1);
      expect(await eventsOf(reference)).toEqual(['CodeSent twilio', 'CodeUndelivered twilio absent', 'CodeSent http']);
    });

    it('and a refusal by the next one the send is undelivered as before, and nobody is told twice', async () => {
      const { phone, reference } = await undelivered('refused');
      await service.api.until(reference, { delivery: 'undelivered', delivery_reason: 'absent' });
      expect(providers.told(phone)).toEqual(['twilio accepted', 'http refused']);
      expect(await eventsOf(reference)).toEqual(['CodeSent twilio', 'CodeUndelivered twilio absent']);
      expect(await database.query('SELECT provider FROM send WHERE reference = $1', [reference])).toEqual([
        { provider: 'twilio' },
      ]);
    });
  });

  it('keep to the rules in whatever order they answer', async () => {
    const pairs = MANNERS.flatMap((first) => MANNERS.map((second) => [first, second] as const));
    const people = pairs.flatMap((http, index) => [
      { phone: freshPhone(), http, twilio: pairs[(index * 7 + 3) % pairs.length] ?? [] },
      { phone: freshGerman(), http, twilio: pairs[(index * 11 + 5) % pairs.length] ?? [] },
    ]);
    const asked = await Promise.all(people.map(({ phone, ...how }) => create(phone, how)));
    const ended = await Promise.all(asked.map(ends));
    const wrong = people.flatMap(({ phone }, index) => {
      const faults = faultsOf(providers.calls(phone), String(ended[index]?.['delivery']));
      return faults.map((fault) => `${fault}: ${providers.told(phone).join(', ')}`);
    });
    expect(wrong).toEqual([]);
  });
});

/** Looks at what the providers saw of one person, without asking why. */
function faultsOf(calls: readonly ProviderCall[], delivery: string): string[] {
  const inDoubt = (provider: ProviderName, upTo: number): boolean => {
    const own = calls.slice(0, upTo).filter((call) => call.provider === provider);
    const last = own.findLastIndex(({ manner }) => manner === 'unknown');
    // Only who keeps ids can say by a later refusal that it never had the text.
    return last >= 0 && !own.slice(last + 1).some(({ manner }) => provider === 'http' && manner === 'refused');
  };
  const accepted = calls.filter(({ manner }) => manner === 'accepted').length;
  return [
    ...(new Set(calls.map(({ code }) => code)).size === 1 ? [] : ['two codes']),
    ...(accepted <= 1 ? [] : ['two texts']),
    ...(accepted === (delivery === 'sent' ? 1 : 0) ? [] : [`the agreement says ${delivery}`]),
    ...calls.flatMap(({ provider }, index) => {
      const before = calls.slice(0, index);
      const own = before.filter((call) => call.provider === provider).map(({ manner }) => manner);
      const other = provider === 'http' ? 'twilio' : 'http';
      return [
        ...(own.includes('refused') ? ['a refusal is retried'] : []),
        ...(own.includes('too_late') ? ['asked before its time'] : []),
        ...(before.some(({ manner }) => manner === 'accepted') ? ['sent after an acceptance'] : []),
        ...(inDoubt(other, index) ? ['blind failover'] : []),
        ...(provider === 'twilio' && own.filter((manner) => manner === 'unknown').length > 1 ? ['repeated twice'] : []),
      ];
    }),
  ];
}
