import { describe, expect, it } from '@jest/globals';
import { RUSSIAN, useSmpp, within } from '../../../test/support/smpp-gateway.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';

const LONG = `${'Code 012345. '.repeat(20)}€`;

const smpp = useSmpp();

describe('the SMPP gateway', () => {
  it('binds as a transceiver of 3.4 and hands a text over', async () => {
    smpp.use();
    expect(await smpp.send()).toEqual({ kind: 'accepted', messageId: 'id-1' });
    const [bind, submit] = smpp.smsc.sessions[0]?.pdus ?? [];
    expect(bind).toMatchObject({ command: 'bind_transceiver', system_id: 'tester', password: 'secret8' });
    expect(bind).toMatchObject({
      system_type: '',
      interface_version: 0x34,
      addr_ton: 0,
      addr_npi: 0,
      address_range: '',
    });
    expect(submit).toMatchObject({
      command: 'submit_sm',
      destination_addr: '79161234567',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
    });
    expect(submit).toMatchObject({
      source_addr: 'Shop',
      source_addr_ton: 5,
      source_addr_npi: 0,
      registered_delivery: 1,
    });
    expect(submit).toMatchObject({ service_type: '', esm_class: 0, data_coding: 8, protocol_id: 0, priority_flag: 0 });
    expect(smpp.smsc.submitted[0]?.text).toBe(RUSSIAN);
  });

  it.each<[string | undefined, number, number, string]>([
    ['Shop', 5, 0, 'Shop'],
    ['+79160000000', 1, 1, '79160000000'],
    ['79160000000', 1, 1, '79160000000'],
    ['7916', 3, 0, '7916'],
    [undefined, 0, 0, ''],
  ])('sends from %s', async (sender, ton, npi, address) => {
    smpp.use({}, undefined, sender ?? null);
    await smpp.send();
    const from = { source_addr_ton: ton, source_addr_npi: npi, source_addr: address };
    expect(smpp.smsc.submitted[0]?.pdu).toMatchObject(from);
  });

  it('writes what the SMSC reads, in GSM-7 too', async () => {
    smpp.use();
    await smpp.send({ text: 'Code @ £ $ € [] {} \\ ~ ^ | Ω' });
    expect(smpp.smsc.submitted[0]).toMatchObject({ text: 'Code @ £ $ € [] {} \\ ~ ^ | Ω', pdu: { data_coding: 0 } });
  });

  it('has the SMSC drop the text when it is of no use any more, where that is known', async () => {
    smpp.use();
    await smpp.send({ usefulFor: 600_000 });
    await smpp.send();
    const [known, unknown] = smpp.smsc.submitted.map(({ pdu }) => pdu['validity_period']);
    expect(Math.abs(Number(known) - (Date.now() + 600_000))).toBeLessThan(3_000);
    expect(unknown).toBe('');
  });

  it('hands a long text over whole, as a payload', async () => {
    smpp.use({ longText: 'payload' });
    expect(await smpp.send({ text: LONG })).toEqual({ kind: 'accepted', messageId: 'id-1' });
    expect(smpp.smsc.submitted).toHaveLength(1);
    expect(smpp.smsc.submitted[0]).toMatchObject({ text: LONG, pdu: { data_coding: 0, esm_class: 0 } });
  });

  it('hands a long text over in parts; the last one has the receipt and the id', async () => {
    smpp.use();
    expect(await smpp.send({ text: LONG })).toEqual({ kind: 'accepted', messageId: 'id-2' });
    expect(smpp.smsc.submitted.map(({ text }) => text).join('')).toBe(LONG);
    expect(smpp.smsc.submitted.map(({ pdu }) => pdu['esm_class'])).toEqual([0x40, 0x40]);
    expect(smpp.smsc.submitted.map(({ pdu }) => pdu['registered_delivery'])).toEqual([0, 1]);
  });

  it('repeats a long text under the same reference', async () => {
    smpp.use();
    const repeated = smpp.message({ text: LONG });
    await smpp.gateway.send(repeated, within(5_000));
    await smpp.gateway.send(repeated, within(5_000));
    const headers = smpp.smsc.submitted
      .map(({ pdu }) => JSON.stringify(pdu['short_message']))
      .map((json) => json.slice(0, 120));
    expect(headers[2]).toBe(headers[0]);
  });

  it('takes its name and password as a URL writes them', async () => {
    smpp.use({ url: smpp.smsc.url.replace('tester:secret8', 'te%40st:p%2F%3Aw') });
    await smpp.send();
    expect(smpp.smsc.sessions[0]?.pdus[0]).toMatchObject({ system_id: 'te@st', password: 'p/:w' });
  });

  it('leaves no code, number or password in the log', async () => {
    smpp.use();
    const session = smpp.send().then(() => smpp.smsc.session());
    await (await session).ask('deliver_sm', { source_addr: '79161234567', short_message: 'my secret', esm_class: 0 });
    await (
      await session
    ).ask('deliver_sm', { source_addr: '79161234567', short_message: 'id:1 stat:DELIVRD', esm_class: 4 });
    expect(smpp.log.join('')).toContain('bound to the SMSC');
    expect(smpp.log.join('')).not.toMatch(/012345|9161234567|secret/);
  });

  it('answers enquire_link, and what it does not know', async () => {
    smpp.use().start();
    const session = await smpp.smsc.session();
    expect(await session.ask('enquire_link')).toMatchObject({ command: 'enquire_link_resp', command_status: 0 });
    expect(await session.ask('query_sm', { message_id: '1' })).toMatchObject({
      command: 'generic_nack',
      command_status: 3,
    });
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
  });

  it('answers unbind, and binds anew', async () => {
    smpp.use().start();
    const session = await smpp.smsc.session();
    expect(await session.ask('unbind')).toMatchObject({ command: 'unbind_resp', command_status: 0 });
    expect(await smpp.send()).toMatchObject({ kind: 'accepted' });
    expect(smpp.smsc.sessions).toHaveLength(2);
  });

  it('says goodbye when it is stopped', async () => {
    smpp.use();
    await smpp.send();
    await smpp.gateway.stop();
    expect(smpp.smsc.sessions[0]?.pdus.at(-1)).toMatchObject({ command: 'unbind' });
    expect(await smpp.send({ within: 50 })).toMatchObject({ kind: 'try_later' });
    expect(smpp.smsc.submitted).toHaveLength(1);
  });

  it('is stopped at once while the SMSC lets it wait for the bind', async () => {
    const proxy = await TcpProxy.to(smpp.smsc.port);
    await proxy.open();
    proxy.freeze();
    smpp.use({ url: smpp.smsc.url.replace(String(smpp.smsc.port), String(proxy.port)) }).start();
    const sent = smpp.send({ within: 200 });
    expect(await sent).toEqual({ kind: 'try_later', reason: 'not_connected', retryAfter: null });
    const before = performance.now();
    await smpp.gateway.stop();
    expect(performance.now() - before).toBeLessThan(1_000);
    await proxy.cut();
  });
});
