import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Environment } from './environment.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agreement-environment-'));
  file = join(folder, 'value');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a text', () => {
  it('is what was given, to the last space', () => {
    expect(new Environment({ NAME: ' some words ' }).text('NAME')).toBe(' some words ');
  });

  it('is the fallback where nothing, or an empty value, was given', () => {
    expect(new Environment({}).text('NAME')).toBeUndefined();
    expect(new Environment({ NAME: '' }).text('NAME')).toBeUndefined();
    expect(new Environment({ NAME: undefined }).text('NAME', 'fallback')).toBe('fallback');
    expect(new Environment({ NAME: '', NAME_FILE: '' }).text('NAME', 'fallback')).toBe('fallback');
  });

  it.each([
    ['one line', 'one line'],
    ['one line\n', 'one line'],
    ['one line\r\n', 'one line'],
    [' spaces \n', ' spaces '],
    ['two\nlines\n\n', 'two\nlines\n'],
  ])('is the content of the file without its last line end: %j', (content, text) => {
    writeFileSync(file, content);

    expect(new Environment({ NAME_FILE: file }).text('NAME')).toBe(text);
  });

  it('is the fallback where the file is empty', () => {
    writeFileSync(file, '\n');

    expect(new Environment({ NAME_FILE: file }).text('NAME', 'fallback')).toBe('fallback');
  });

  it('is a fault where both are given, or the file cannot be read', () => {
    const both = new Environment({ NAME: 'value', NAME_FILE: file });
    const missing = new Environment({ NAME_FILE: file });
    const directory = new Environment({ NAME_FILE: folder });

    expect([both.text('NAME', 'fallback'), missing.text('NAME'), directory.text('NAME')]).toEqual([
      'fallback',
      undefined,
      undefined,
    ]);
    expect(both.faults).toEqual(['NAME: give NAME or NAME_FILE, not both']);
    expect(missing.faults).toEqual(['NAME_FILE: the file cannot be read (ENOENT)']);
    expect(directory.faults).toEqual(['NAME_FILE: the file cannot be read (EISDIR)']);
  });
});

describe('what is read out of a text', () => {
  it.each<[string, (env: Environment) => unknown, unknown, string]>([
    ['a number', (env) => env.integer('NAME', 5, 1, 9), 5, 'NAME: must be a whole number from 1 to 9'],
    ['seconds', (env) => env.seconds('NAME', 5, 1, 9), 5000, 'NAME: must be a whole number from 1 to 9'],
    ['yes or no', (env) => env.flag('NAME', true), true, 'NAME: must be true or false'],
    ['a choice', (env) => env.choice('NAME', ['a', 'b'], 'b'), 'b', 'NAME: must be one of a, b'],
    ['a free choice', (env) => env.choice('NAME', ['a', 'b']), undefined, 'NAME: must be one of a, b'],
    ['a list', (env) => env.list('NAME', 'a list', () => undefined), undefined, 'NAME: must be a list'],
    ['a URL', (env) => env.url('NAME', ['a:', 'b:']), undefined, 'NAME: must be a URL beginning with a:// or b://'],
  ])('is %s; else its fallback and a fault that names what is expected', (_, read, fallback, fault) => {
    const wrong = new Environment({ NAME: 'CANARY' });

    expect(read(wrong)).toEqual(fallback);
    expect(wrong.faults).toEqual([fault]);
    const nothing = new Environment({});
    expect(read(nothing)).toEqual(fallback);
    expect(nothing.faults).toEqual([]);
  });

  it('is a list of trimmed entries, none of them empty', () => {
    const read = (NAME: string): unknown =>
      new Environment({ NAME }).list('NAME', 'a list', (entry) => (entry === '' ? undefined : entry));

    expect(read('a')).toEqual(['a']);
    expect(read(' a , b,c ')).toEqual(['a', 'b', 'c']);
    expect([read('a,'), read(','), read(' ')]).toEqual([undefined, undefined, undefined]);
  });

  it('keeps all faults in their order', () => {
    const env = new Environment({ A: 'x', B: 'x' });

    env.integer('A', 1, 1, 9);
    env.flag('B', false);
    env.fault('C', 'is needed');

    expect(env.faults).toEqual(['A: must be a whole number from 1 to 9', 'B: must be true or false', 'C: is needed']);
  });
});

describe('what nobody has read', () => {
  it('is told by its prefix', () => {
    const env = new Environment({ OTP_TTL: '1', OTP_TLT: '1', OTP_KEYS_FILE: file, PATH: '/bin', OTP_EMPTY: '' });

    env.text('OTP_TTL');
    env.text('OTP_KEYS');

    expect(env.unread(['OTP_'])).toEqual(['OTP_TLT']);
  });
});
