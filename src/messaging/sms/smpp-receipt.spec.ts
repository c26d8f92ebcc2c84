import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { COMMAND, type Delivery, deliveryIn, MalformedPdu, TAG } from './smpp-pdu.js';
import { receiptIn } from './smpp-receipt.js';

const TEXT =
  'id:0123456789 sub:001 dlvrd:001 submit date:2611211030 done date:2611211031 stat:DELIVRD err:000 text:Code 01';
const SOURCE = { ton: 1, npi: 1, address: '79161234567' };

function delivery(
  text: string | Buffer,
  more: Partial<Omit<Delivery, 'options'>> = {},
  options: [number, Buffer][] = [],
): Delivery {
  const message = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
  return { source: SOURCE, esmClass: 4, dataCoding: 0, message, options: new Map(options), ...more };
}

const ID: [number, Buffer] = [TAG.receipted_message_id, Buffer.from('from-tlv\0')];
const state = (value: number): [number, Buffer] => [TAG.message_state, Buffer.from([value])];
const error = (code: number): [number, Buffer] => [TAG.network_error_code, Buffer.from([3, code >> 8, code & 255])];

describe('a delivery receipt of SMPP', () => {
  it('is read from its text', () => {
    expect(receiptIn(delivery(TEXT))).toEqual({ id: '0123456789', state: 'delivered', reason: null });
  });

  it.each([
    ['DELIVRD', 'delivered', null],
    ['DELIVERED', 'delivered', null],
    ['delivrd', 'delivered', null],
    ['UNDELIV', 'undelivered', 'other'],
    ['UNDELIVERABLE', 'undelivered', 'other'],
    ['EXPIRED', 'undelivered', 'expired'],
    ['DELETED', 'undelivered', 'other'],
    ['REJECTD', 'undelivered', 'rejected'],
    ['REJECTED', 'undelivered', 'rejected'],
  ])('says %s: %s, %s', (stat, end, reason) => {
    expect(receiptIn(delivery(`id:7 stat:${stat} err:000`))).toEqual({ id: '7', state: end, reason });
  });

  it.each(['ENROUTE', 'ACCEPTD', 'SCHEDULED', 'BUFFERED', 'UNKNOWN', ''])('says %s, which is no end', (stat) => {
    expect(receiptIn(delivery(`id:7 stat:${stat} err:000`))).toBe('step');
  });

  it.each([
    ['in another order', 'stat:UNDELIV err:001 id:77 text:x'],
    ['in capitals', 'ID:77 STAT:UNDELIV ERR:001 TEXT:x'],
    ['with spaces', 'id: 77  stat: UNDELIV err: 1'],
    ['with fields missing', 'id:77 stat:UNDELIV err:001'],
    ['with the text first', 'text:hello id:77 stat:UNDELIV err:001'],
    ['with commas', 'id:77,stat:UNDELIV,err:001'],
  ])('is read %s', (_, text) => {
    expect(receiptIn(delivery(text))).toEqual({ id: '77', state: 'undelivered', reason: 'unknown_number' });
  });

  it('does not believe what the message itself says', () => {
    const text = 'id:77 stat:DELIVRD err:000 text:id:66 stat:UNDELIV';
    expect(receiptIn(delivery(text))).toMatchObject({ id: '77', state: 'delivered' });
  });

  it('is read in UCS-2, marked so or not, and with a header in front', () => {
    const wide = Buffer.from(TEXT, 'utf16le').swap16();
    const read = { id: '0123456789', state: 'delivered' };
    expect(receiptIn(delivery(wide, { dataCoding: 8 }))).toMatchObject(read);
    expect(receiptIn(delivery(wide))).toMatchObject(read);
    expect(receiptIn(delivery(`${TEXT} `, { dataCoding: 8 }))).toMatchObject(read);
    const headed = Buffer.concat([Buffer.from([5, 0, 3, 1, 1, 1]), Buffer.from(TEXT)]);
    expect(receiptIn(delivery(headed, { esmClass: 0x44 }))).toMatchObject(read);
  });

  it('believes its optional parameters more than its text', () => {
    expect(receiptIn(delivery(TEXT, {}, [ID, state(5), error(27)]))).toEqual({
      id: 'from-tlv',
      state: 'undelivered',
      reason: 'absent',
    });
    expect(receiptIn(delivery('', {}, [ID, state(2)]))).toEqual({ id: 'from-tlv', state: 'delivered', reason: null });
  });

  it.each([0, 1, 6, 7])('is no end where its state is %i', (value) => {
    expect(receiptIn(delivery(TEXT, {}, [ID, state(value)]))).toBe('step');
  });

  it.each([
    [1, 'unknown_number'],
    [6, 'absent'],
    [13, 'blocked'],
    [34, 'network'],
    [999, 'other'],
  ])('names the reason behind the network error %i: %s', (code, reason) => {
    expect(receiptIn(delivery(`id:1 stat:UNDELIV err:${String(code).padStart(3, '0')}`))).toMatchObject({ reason });
    expect(receiptIn(delivery('id:1 stat:UNDELIV err:000', {}, [error(code)]))).toMatchObject({ reason });
  });

  it('is known by its mark, or by the id in its own place; what a person typed is none', () => {
    expect(receiptIn(delivery(TEXT, { esmClass: 0 }))).toBe('message');
    expect(receiptIn(delivery('', { esmClass: 0 }, [ID, state(2)]))).toMatchObject({ id: 'from-tlv' });
    expect(receiptIn(delivery(TEXT, { esmClass: 0x20 }))).toBe('step');
  });

  it('without its mark has its state in the text where it is nowhere else', () => {
    const unmarked = delivery('id:66 stat:UNDELIV err:027 text:x', { esmClass: 0 }, [ID]);
    expect(receiptIn(unmarked)).toEqual({ id: 'from-tlv', state: 'undelivered', reason: 'absent' });
    expect(receiptIn(delivery('Is it stat: DELIVRD?', { esmClass: 0 }))).toBe('message');
    expect(receiptIn(delivery('hello', { esmClass: 0 }, [ID]))).toBe('step');
  });

  it.each(['', 'stat:DELIVRD', 'id: stat:', 'nothing of the kind'])('says nothing: %j', (text) => {
    expect(receiptIn(delivery(text))).toBe('step');
  });

  it('may be any octets: read, or named malformed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (octets, data) => {
        const command = data ? COMMAND.data_sm : COMMAND.deliver_sm;
        try {
          receiptIn(deliveryIn({ command, status: 0, sequence: 1, body: Buffer.from(octets) }));
        } catch (error_) {
          expect(error_).toBeInstanceOf(MalformedPdu);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
