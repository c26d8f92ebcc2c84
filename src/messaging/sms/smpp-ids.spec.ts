import { describe, expect, it } from '@jest/globals';
import { MessageIds } from './smpp-ids.js';

describe('the id of a receipt', () => {
  it.each([
    ['as it is', 'abc-DEF_1', 'abc-DEF_1'],
    ['in the other case', 'A1B2C3', 'a1b2c3'],
    ['in the other case', 'a1b2c3', 'A1B2C3'],
    ['with zeros in front', '0000012345', '12345'],
    ['without the zeros in front', '12345', '0000012345'],
    ['in decimal where the answer was hexadecimal', '2712847316', 'a1b2c3d4'],
    ['in decimal where the answer was hexadecimal', '2712847316', 'A1B2C3D4'],
    ['in decimal with zeros where the answer was hexadecimal', '0000000255', 'ff'],
    ['in decimal where the answer was hexadecimal with zeros', '255', '000000ff'],
    ['in hexadecimal where the answer was decimal', 'A1B2C3D4', '2712847316'],
    ['in hexadecimal with zeros where the answer was decimal', '000000ff', '255'],
    ['in decimal, longer than a double can count', '18446744073709551615', 'ffffffffffffffff'],
  ])('finds the answer: %s', (_, receipt, answer) => {
    expect(new MessageIds('auto').candidates(receipt)).toContain(answer);
  });

  it('is looked for as it is first, where nothing was learnt', () => {
    expect(new MessageIds('auto').candidates('1234')[0]).toBe('1234');
  });

  it('is found at once where this process has seen the answer', () => {
    const ids = new MessageIds('auto');
    ids.answered('000004d2');
    expect(ids.candidates('1234')[0]).toBe('000004d2');
  });

  it('is read as those before it were', () => {
    const ids = new MessageIds('auto');
    ids.answered('4d2');
    ids.candidates('1234');
    expect(ids.candidates('255')[0]).toBe('ff');
    const others = new MessageIds('auto');
    others.answered('1234');
    others.candidates('4d2');
    expect(others.candidates('ff')[0]).toBe('255');
  });

  it.each(['auto', 'decimal'] as const)(
    'is not taken for another short one: counted in hexadecimal, with %s',
    (how) => {
      const ids = new MessageIds(how);
      const counted = Array.from({ length: 39 }, (_, n) => (n + 1).toString(16));
      for (const id of counted) ids.answered(id);
      // What fits twice teaches nothing: these do so only in one way.
      for (const number of [32, 35, 37, 38]) ids.candidates(String(number));
      for (const [n, id] of counted.entries()) expect(ids.candidates(String(n + 1))[0]).toBe(id);
    },
  );

  it('goes before what it is as it is written where the settings say so, answered or not', () => {
    const ids = new MessageIds('decimal');
    ids.answered('10');
    expect(ids.candidates('10').slice(0, 2)).toEqual(['a', 'A']);
    expect(ids.candidates('10').indexOf('10')).toBeGreaterThan(0);
    expect(new MessageIds('hex').candidates('10')[0]).toBe('16');
  });

  it('teaches nothing where it fits two answers in two ways', () => {
    const ids = new MessageIds('auto');
    for (const id of ['10', 'a']) ids.answered(id);
    for (let times = 0; times < 5; times += 1) ids.candidates('10');
    expect(ids.candidates('255')[0]).toBe('255');
  });

  it.each([
    ['0x1A', '1a'],
    ['0x1A', '1A'],
    ['0X1a', '1a'],
    ['0x1A', '26'],
    ['0x001A', '1A'],
    ['0x1A', '0000001A'],
    ['0x1A', '0x1a'],
  ])('may have the mark of a hexadecimal number: %s for %s', (receipt, answer) => {
    expect(new MessageIds('auto').candidates(receipt)).toContain(answer);
  });

  it('is filled up to the width that answers have', () => {
    const ids = new MessageIds('auto');
    ids.answered('00000000000004d2abc');
    expect(ids.candidates('255')).toContain('00000000000000000ff');
  });

  it('is read as the settings say', () => {
    expect(new MessageIds('decimal').candidates('255')[0]).toBe('ff');
    expect(new MessageIds('hex').candidates('ff')[0]).toBe('255');
    expect(new MessageIds('same').candidates('255')).not.toContain('ff');
    expect(new MessageIds('decimal').candidates('255')).not.toContain('597');
  });

  it.each(['', ' ', '0', '00000000', 'f'.repeat(300), '9'.repeat(300), '0x', "'; --", '😀'])(
    'may be anything: %j',
    (id) => {
      const found = new MessageIds('auto').candidates(id);
      expect(found.length).toBeLessThanOrEqual(16);
      expect(found.every((one) => one !== '' && one.length <= 300)).toBe(true);
    },
  );

  it('is remembered for so many answers only', () => {
    const ids = new MessageIds('auto');
    for (let n = 0; n < 20_000; n += 1) ids.answered(`x${String(n)}`);
    expect(ids.candidates('X19999')[0]).toBe('x19999');
    expect(ids.candidates('X1')[0]).toBe('X1');
  });
});
