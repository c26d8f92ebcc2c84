import { beforeEach, describe, expect, it } from '@jest/globals';
import { PHONE, useSmpp } from '../../../test/support/smpp-gateway.js';
import { smscAnswers, type SmscSession } from '../../../test/support/smsc.js';
import { until } from '../../../test/support/until.js';
import type { Receipt, TakeReceipt } from './sms-gateway.js';

const smpp = useSmpp();

describe('receipts over SMPP', () => {
  const taken: Receipt[] = [];
  const keep: TakeReceipt = (receipt) => {
    taken.push(receipt);
    return Promise.resolve();
  };
  beforeEach(() => void (taken.length = 0));

  const receipt = (session: SmscSession, more: Record<string, unknown> = {}) =>
    session.ask('deliver_sm', {
      source_addr: '79161234567',
      source_addr_ton: 1,
      esm_class: 4,
      short_message: 'id:1234 sub:001 dlvrd:001 submit date:2611211030 done date:2611211031 stat:DELIVRD err:000 text:',
      ...more,
    });

  it('are handed on before the SMSC is answered', async () => {
    let kept = (): void => undefined;
    smpp.use({}, () => new Promise<void>((resolve) => (kept = resolve))).start();
    let answered = false;
    const answer = receipt(await smpp.smsc.session()).then((pdu) => {
      answered = true;
      return pdu;
    });
    await until('the receipt', async () => {
      await (await smpp.smsc.session()).ask('enquire_link');
      return kept.name !== 'kept';
    });
    expect(answered).toBe(false);
    kept();
    expect(await answer).toMatchObject({ command: 'deliver_sm_resp', command_status: 0 });
  });

  it('name the text by the id of its answer, though written otherwise', async () => {
    smpp.use({}, keep);
    smpp.smsc.willAnswer(PHONE, smscAnswers.accepted('4d2'));
    await smpp.send();
    await receipt(await smpp.smsc.session());
    expect(taken).toMatchObject([{ provider: 'smpp', state: 'delivered', reason: null }]);
    expect(taken[0]?.messageIds[0]).toBe('4d2');
    expect(taken[0]?.recipient?.reveal()).toBe(PHONE);
  });

  it('come by data_sm too', async () => {
    smpp.use({}, keep).start();
    const options = { receipted_message_id: '77', message_state: 5, esm_class: 4, source_addr: '79161234567' };
    const answer = await (await smpp.smsc.session()).ask('data_sm', options);
    expect(answer).toMatchObject({ command: 'data_sm_resp', command_status: 0 });
    expect(taken).toMatchObject([{ state: 'undelivered', reason: 'other' }]);
    expect(taken[0]?.messageIds[0]).toBe('77');
  });

  it.each<[string, Record<string, unknown>, string | undefined]>([
    ['an international number', { source_addr: '+79161234567' }, PHONE],
    ['one of an unnamed type', { source_addr_ton: 0 }, PHONE],
    ['one behind two zeros', { source_addr: '0079161234567', source_addr_ton: 0 }, PHONE],
    ['a national one', { source_addr: '9161234567', source_addr_ton: 2 }, undefined],
    ['a national one of an unnamed type', { source_addr: '89161234567', source_addr_ton: 0 }, undefined],
    ['a name', { source_addr: 'Shop', source_addr_ton: 5 }, undefined],
    ['nobody', { source_addr: '' }, undefined],
  ])('say whom the text was for: %s', async (_, more, phone) => {
    smpp.use({}, keep).start();
    await receipt(await smpp.smsc.session(), more);
    expect(taken[0]?.recipient?.reveal()).toBe(phone);
  });

  it('come again where they could not be kept', async () => {
    let away = true;
    smpp.use({}, (one) => (away ? Promise.reject(new Error('away')) : keep(one))).start();
    const session = await smpp.smsc.session();
    expect(await receipt(session)).toMatchObject({ command: 'deliver_sm_resp', command_status: 0x64 });
    away = false;
    expect(await receipt(session)).toMatchObject({ command_status: 0 });
    expect(taken).toHaveLength(1);
  });

  it('are none where a person has written, or where nothing is final: those are answered and dropped', async () => {
    smpp.use({}, keep).start();
    const session = await smpp.smsc.session();
    expect(await receipt(session, { esm_class: 0 })).toMatchObject({ command_status: 0 });
    expect(await receipt(session, { short_message: 'id:1 stat:ENROUTE' })).toMatchObject({ command_status: 0 });
    expect(taken).toEqual([]);
  });

  it('that are cut off are refused for good, and the session goes on', async () => {
    smpp.use({}, keep).start();
    const session = await smpp.smsc.session();
    session.write(Buffer.from('00000014000000050000000000000063' + '41424344', 'hex'));
    await until('the answer', () => session.pdus.find(({ sequence_number }) => sequence_number === 0x63));
    expect(session.pdus.at(-1)).toMatchObject({ command: 'deliver_sm_resp', command_status: 0x65 });
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
  });
});
