import { describe, expect, it } from '@jest/globals';
import { OTHER, PHONE, SHORT_PATIENCE, useSmpp } from './support/smpp-gateway.js';
import { type SmscAnswer, smscAnswers } from './support/smsc.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { until } from './support/until.js';

const smpp = useSmpp(SHORT_PATIENCE);

describe('an SMSC that is not there', () => {
  it('is waited for within the time of the text; nothing is sent', async () => {
    await smpp.smsc.stop();
    smpp.use();
    const before = performance.now();
    expect(await smpp.send({ within: 300 })).toEqual({ kind: 'try_later', reason: 'not_connected', retryAfter: null });
    expect(performance.now() - before).toBeGreaterThan(250);
    await smpp.smsc.restart();
  });

  it.each([
    ['cannot be reached', 0],
    ['refuses the bind', 0x0d],
  ])('%s: the text that has ten seconds waits for one, so that another provider is asked', async (_, bindStatus) => {
    if (bindStatus === 0) await smpp.smsc.stop();
    smpp.smsc.bindStatus = bindStatus;
    smpp.use();
    const before = performance.now();
    expect(await smpp.send({ within: 10_000 })).toEqual({
      ...{ kind: 'try_later', reason: 'not_connected', retryAfter: null },
    });
    const took = performance.now() - before;
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(2_500);
    if (bindStatus === 0) await smpp.smsc.restart();
  });

  it('gets the text when it comes in time', async () => {
    await smpp.smsc.stop();
    smpp.use();
    const sent = smpp.send();
    await until('a failure', () => smpp.log.some((line) => line.includes('ECONNREFUSED')));
    await smpp.smsc.restart();
    expect(await sent).toMatchObject({ kind: 'accepted' });
  });

  it('gets no text after its time, though it comes then', async () => {
    await smpp.smsc.stop();
    smpp.use();
    const before = performance.now();
    const time = { sendBefore: before + 300, signal: AbortSignal.timeout(3_000) };
    expect(await smpp.gateway.send(smpp.message(), time)).toMatchObject({ kind: 'try_later' });
    expect(performance.now() - before).toBeLessThan(2_000);
    await smpp.smsc.restart();
    expect(await smpp.send({ to: OTHER })).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.to(PHONE)).toEqual([]);
  });

  it('is not written to by a process that was stopped until the time was over', async () => {
    smpp.use().start();
    await smpp.smsc.session();
    await until('the bind', () => smpp.log.some((line) => line.includes('bound')));
    const sent = smpp.gateway.send(smpp.message(), {
      sendBefore: performance.now() + 50,
      signal: AbortSignal.timeout(3_000),
    });
    // The event loop stands still, as in a process that was stopped.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    expect(await sent).toMatchObject({ kind: 'try_later' });
    expect(await smpp.send({ to: OTHER })).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.to(PHONE)).toEqual([]);
  });

  it('refuses the bind: said once, and tried again', async () => {
    smpp.smsc.bindStatus = 0x0e;
    smpp.use().start();
    await until('three tries', () => smpp.smsc.sessions.length >= 3);
    expect(smpp.log.filter((line) => line.includes('ESME_RINVPASWD'))).toHaveLength(1);
    smpp.smsc.bindStatus = 0;
    await until('the bind', () => smpp.log.some((line) => line.includes('bound to')));
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
  });

  it('takes the connection and says nothing: the next one is tried', async () => {
    const proxy = await TcpProxy.to(smpp.smsc.port);
    await proxy.open();
    proxy.freeze();
    smpp.use({ url: smpp.smsc.url.replace(String(smpp.smsc.port), String(proxy.port)) }).start();
    await until('the end of the patience', () => smpp.log.some((line) => line.includes('not bound in time')));
    proxy.abandon();
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
    await smpp.gateway.stop();
    await proxy.cut();
  });
});

describe('an SMSC that fails', () => {
  it.each<[string, SmscAnswer, string]>([
    ['is silent', smscAnswers.silence, 'timeout'],
    ['drops the connection', smscAnswers.drop, 'connection_lost'],
    ['answers with garbage', smscAnswers.garbage, 'connection_lost'],
  ])('%s after a text: nobody knows, and the next text goes', async (_, answer, reason) => {
    smpp.use();
    smpp.smsc.willAnswer(PHONE, answer);
    expect(await smpp.send({ within: 400 })).toEqual({ kind: 'unknown', reason });
    expect(await smpp.send({ to: OTHER })).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.to(PHONE)).toHaveLength(1);
  });

  it('is slow: later texts are answered before', async () => {
    smpp.use();
    const slow = Promise.withResolvers<undefined>();
    smpp.smsc.willAnswer(PHONE, (submitted) => void slow.promise.then(() => smscAnswers.accepted('slow')(submitted)));
    const first = smpp.send();
    expect(await smpp.send({ to: OTHER })).toMatchObject({ kind: 'accepted', messageId: 'id-2' });
    slow.resolve(undefined);
    expect(await first).toEqual({ kind: 'accepted', messageId: 'slow' });
  });

  it('is slow in everything: the connection is kept for as long as a text may wait for its answer', async () => {
    smpp.use();
    smpp.smsc.isAlive = false;
    const slow = Promise.withResolvers<undefined>();
    smpp.smsc.willAnswer(PHONE, (submitted) => void slow.promise.then(() => smscAnswers.accepted('slow')(submitted)));
    const first = smpp.send({ within: 5_000 });
    const [submitted] = await smpp.smsc.received(PHONE);
    const since = submitted?.at ?? 0;
    const patience = SHORT_PATIENCE.quietWhileAwaited + SHORT_PATIENCE.alive;
    await until('the end of the patience', () => performance.now() - since > 3 * patience);
    const second = smpp.send({ to: OTHER, within: 5_000 });
    await until('some time more', () => performance.now() - since > 4 * patience);
    // Nothing more is written to what may be no connection any more.
    expect(smpp.smsc.to(OTHER)).toEqual([]);
    slow.resolve(undefined);
    expect(await first).toEqual({ kind: 'accepted', messageId: 'slow' });
    expect(await second).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.sessions).toHaveLength(1);
  });

  it('is restarted: texts wait, those without an answer are unknown', async () => {
    smpp.use();
    smpp.smsc.willAnswer(PHONE, smscAnswers.silence);
    const lost = smpp.send();
    await smpp.smsc.received(PHONE);
    await smpp.smsc.stop();
    const waiting = smpp.send({ to: OTHER });
    expect(await lost).toEqual({ kind: 'unknown', reason: 'connection_lost' });
    await smpp.smsc.restart();
    expect(await waiting).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.to(OTHER)).toHaveLength(1);
  });

  it('is half open: that is noticed without a text, and with one', async () => {
    const proxy = await TcpProxy.to(smpp.smsc.port);
    await proxy.open();
    smpp.use({ url: smpp.smsc.url.replace(String(smpp.smsc.port), String(proxy.port)) }).start();
    await smpp.smsc.session();
    proxy.abandon();
    await until('another session', () => smpp.smsc.sessions.length === 2);
    await until('the bind', () => smpp.log.filter((line) => line.includes('bound to')).length === 2);
    proxy.abandon();
    const lost = await smpp.send({ within: 1_000 });
    // The session may have been given up just before.
    expect(['unknown timeout', 'accepted']).toContain(
      lost.kind === 'accepted' ? 'accepted' : `${lost.kind} ${lost.reason}`,
    );
    expect(await smpp.send({ to: OTHER })).toMatchObject({ kind: 'accepted' });
    expect(smpp.log.join('')).toContain('no answer to enquire_link');
    await smpp.gateway.stop();
    await proxy.cut();
  });

  it('answers no enquire_link any more: the connection is given up', async () => {
    smpp.smsc.isAlive = false;
    smpp.use().start();
    await until('the next session', () => smpp.smsc.sessions.length >= 2);
    expect(smpp.smsc.sessions[0]?.pdus.map(({ command }) => command)).toContain('enquire_link');
    smpp.smsc.isAlive = true;
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
  });

  it.each([
    ['longer than any', 'ffffffff000000050000000000000001'],
    ['shorter than its head', '0000000f000000050000000000000001'],
    ['of no octets', '00000000'],
    ['of a server of another kind', '3c68746d6c3e3c2f68746d6c3e3c68746d6c3e3c2f68746d6c3e'],
  ])('announces a PDU %s: a new session', async (_, hex) => {
    smpp.use().start();
    const session = await smpp.smsc.session();
    session.write(Buffer.from(hex, 'hex'));
    await until('the next session', () => smpp.smsc.sessions.length === 2);
    expect(smpp.log.join('')).toMatch(/a PDU of \d+ octets/);
    expect(session.pdus.at(-1)).toMatchObject({ command: 'generic_nack', command_status: 2 });
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
  });

  it('answers what nobody asked, in pieces: nothing happens', async () => {
    smpp.use().start();
    const session = await smpp.smsc.session();
    const stray = Buffer.from('00000014800000040000000000004242' + '31323300', 'hex');
    for (const octet of stray) session.write(Buffer.from([octet]));
    expect(await smpp.send()).toMatchObject({ kind: 'accepted', messageId: 'id-1' });
    expect(smpp.smsc.sessions).toHaveLength(1);
  });
});
