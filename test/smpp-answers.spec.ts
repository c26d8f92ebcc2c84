import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Authority } from './support/certificates.js';
import { OTHER, PHONE, SHORT_PATIENCE, useSmpp } from './support/smpp-gateway.js';
import { Smsc, type SmscAnswer, smscAnswers } from './support/smsc.js';
import { until } from './support/until.js';

const LONG = 'Ваш код 012345. '.repeat(8);

const smpp = useSmpp(SHORT_PATIENCE);

describe('an SMSC that says no', () => {
  it.each<[string, SmscAnswer, string]>([
    ['bad address', smscAnswers.status(0x0b), 'refused ESME_RINVDSTADR'],
    ['bad source', smscAnswers.status(0x0a), 'refused ESME_RINVSRCADR'],
    ['system error', smscAnswers.status(0x08), 'try_later ESME_RSYSERR'],
    ['a vendor’s own', smscAnswers.status(0x421), 'try_later SMPP_0x421'],
    ['not bound', smscAnswers.status(0x04), 'try_later ESME_RINVBNDSTS'],
    ['not understood', smscAnswers.nack(0x03), 'refused ESME_RINVCMDID'],
    ['generic_nack and throttled', smscAnswers.nack(0x58), 'try_later ESME_RTHROTTLED'],
    ['generic_nack without a reason', smscAnswers.nack(0), 'unknown generic_nack'],
  ])('%s: what becomes of the text', async (_, answer, expected) => {
    smpp.use();
    smpp.smsc.willAnswer(PHONE, answer);
    const outcome = await smpp.send();
    expect(`${outcome.kind} ${'reason' in outcome ? outcome.reason : ''}`).toBe(expected);
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.to(PHONE)).toHaveLength(2);
  });

  it.each([0x14, 0x58])(
    'status %i: the whole session is quiet for a while, and longer the next time',
    async (status) => {
      smpp.use();
      smpp.smsc.willAnswer(PHONE, smscAnswers.status(status), smscAnswers.status(status));
      expect(await smpp.send()).toMatchObject({ kind: 'try_later', retryAfter: 1_000 });
      const before = performance.now();
      expect(await smpp.send({ to: OTHER, within: 200 })).toEqual({
        kind: 'try_later',
        reason: 'busy',
        retryAfter: null,
      });
      expect(await smpp.send()).toMatchObject({ kind: 'try_later', retryAfter: 2_000 });
      expect((smpp.smsc.to(PHONE)[1]?.at ?? 0) - before).toBeGreaterThan(900);
      expect(smpp.smsc.to(OTHER)).toEqual([]);
    },
  );

  it('to a validity period: the text goes once more without one, and so do all after it', async () => {
    smpp.use();
    smpp.smsc.willAnswer(PHONE, smscAnswers.status(0x62));
    expect(await smpp.send({ usefulFor: 600_000 })).toMatchObject({ kind: 'accepted' });
    expect(await smpp.send({ usefulFor: 600_000, to: OTHER })).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.to(PHONE).map(({ pdu }) => pdu['validity_period'])).toEqual([expect.any(Date), '']);
    expect(smpp.smsc.to(OTHER).map(({ pdu }) => pdu['validity_period'])).toEqual(['']);
    expect(smpp.log.filter((line) => line.includes('takes no validity period'))).toHaveLength(1);
  });

  it('to a validity period that it was not given: that is refused', async () => {
    smpp.use();
    smpp.smsc.answer = smscAnswers.status(0x62);
    expect(await smpp.send()).toEqual({ kind: 'refused', reason: 'ESME_RINVEXPIRY' });
    expect(await smpp.send({ usefulFor: 600_000, to: OTHER })).toEqual({ kind: 'refused', reason: 'ESME_RINVEXPIRY' });
    expect([PHONE, OTHER].map((phone) => smpp.smsc.to(phone).length)).toEqual([1, 2]);
  });

  it('to a later part because it is throttled: that part alone is repeated', async () => {
    smpp.use();
    smpp.smsc.willAnswer(PHONE, smscAnswers.accepted('part-1'), smscAnswers.status(0x58));
    expect(await smpp.send({ text: LONG, within: 4_000 })).toEqual({ kind: 'accepted', messageId: 'id-3' });
    const [first, second, again] = smpp.smsc.submitted;
    expect(again?.text).toBe(second?.text);
    expect(again?.text).not.toBe(first?.text);
  });

  it.each<[string, SmscAnswer, object]>([
    ['refuses', smscAnswers.status(0x0b), { kind: 'refused', reason: 'ESME_RINVDSTADR' }],
    ['is silent to', smscAnswers.silence, { kind: 'unknown', reason: 'timeout' }],
    ['drops at', smscAnswers.drop, { kind: 'unknown', reason: 'connection_lost' }],
  ])('and %s the second part: that is the outcome, and no third one is sent', async (_, answer, outcome) => {
    smpp.use();
    smpp.smsc.willAnswer(PHONE, smscAnswers.accepted('part-1'), answer);
    expect(await smpp.send({ text: LONG + LONG, within: 400 })).toEqual(outcome);
    expect(smpp.smsc.to(PHONE)).toHaveLength(2);
  });
});

describe('an SMSC that is paid by the piece', () => {
  it('has no more texts without an answer than the window', async () => {
    smpp.use({ window: 3 });
    const open: (() => void)[] = [];
    smpp.smsc.answer = (submitted) => void open.push(() => smscAnswers.accepted('x')(submitted));
    const all = Promise.all(Array.from({ length: 10 }, () => smpp.send()));
    await until('three texts', () => smpp.smsc.submitted.length >= 3);
    await (await smpp.smsc.session()).ask('enquire_link');
    expect(smpp.smsc.submitted).toHaveLength(3);
    smpp.smsc.answer = smscAnswers.accepted('x');
    open.splice(0).forEach((answer) => answer());
    expect((await all).every(({ kind }) => kind === 'accepted')).toBe(true);
  });

  it('gets no more texts in a second than it takes', async () => {
    smpp.use({ perSecond: 40, window: 100 });
    const before = performance.now();
    await Promise.all(Array.from({ length: 60 }, () => smpp.send()));
    const took = performance.now() - before;
    expect(smpp.smsc.submitted).toHaveLength(60);
    expect(took).toBeGreaterThan(1_450);
    expect(took).toBeLessThan(2_900);
  });

  it('leaves in line what cannot go in its time', async () => {
    smpp.use({ perSecond: 5 });
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => smpp.send({ within: 600 })));
    const sent = outcomes.filter(({ kind }) => kind === 'accepted').length;
    expect(sent).toBe(smpp.smsc.submitted.length);
    expect(sent).toBeGreaterThanOrEqual(1);
    expect(sent).toBeLessThan(6);
    expect(outcomes.filter(({ kind }) => kind === 'try_later')).toHaveLength(10 - sent);
  });
});

describe('an SMSC behind TLS', () => {
  let authority: Authority;
  let secure: Smsc;
  beforeAll(async () => {
    authority = await Authority.create('the authority of the SMSC');
    secure = await Smsc.start(await authority.issue('DNS:localhost'));
  });
  afterAll(async () => {
    await secure.stop();
    await authority.remove();
  });

  it('gets texts where its authority is known', async () => {
    smpp.use({ url: secure.url.replace('127.0.0.1', 'localhost'), ca: authority.cert });
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
    expect(await smpp.send({ to: OTHER, text: LONG })).toMatchObject({ kind: 'accepted' });
  });

  it.each<[string, string, boolean, RegExp]>([
    [
      'its authority is not known',
      'localhost',
      false,
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED|UNABLE_TO_GET_ISSUER/,
    ],
    ['its certificate is of another name', '127.0.0.1', true, /ERR_TLS_CERT_ALTNAME_INVALID/],
  ])('gets nothing, not even our name, where %s', async (_, host, trusted, reason) => {
    const before = secure.sessions.flatMap(({ pdus }) => pdus).length;
    smpp.use({ url: secure.url.replace('127.0.0.1', host), ...(trusted ? { ca: authority.cert } : {}) });
    expect(await smpp.send({ within: 400 })).toEqual({ kind: 'try_later', reason: 'not_connected', retryAfter: null });
    expect(smpp.log.join('')).toMatch(reason);
    expect(secure.sessions.flatMap(({ pdus }) => pdus)).toHaveLength(before);
  });
});
