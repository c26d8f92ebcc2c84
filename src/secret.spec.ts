import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Secret } from './secret.js';

const secret = new Secret('CANARY');
const bytes = new Secret(Buffer.from('CANARY'));

/** What our kind of logger writes. */
function logged(log: (logger: pino.Logger) => void): string {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  log(pino({ base: null }, stream));
  return lines.join('');
}

describe('a secret', () => {
  it('is given to whoever asks for it', () => {
    expect(secret.reveal()).toBe('CANARY');
    expect(bytes.reveal()).toEqual(Buffer.from('CANARY'));
  });

  it.each<[string, (value: Secret<unknown>) => string]>([
    ['String()', (value) => String(value)],
    ['a template', (value) => `${value}`],
    ['a sum', (value) => ''.concat(value as unknown as string)],
    ['a list', (value) => [value].join()],
    ['toLocaleString()', (value) => value.toLocaleString()],
    ['JSON', (value) => JSON.stringify({ value })],
    ['inspect', (value) => inspect({ value }, { showHidden: true, depth: 10, getters: true })],
    ['console.log', (value) => format(value, [value], { value })],
    ['%s', (value) => format('%s', value)],
    ['%o', (value) => format('%o', value)],
    ['%O', (value) => format('%O', value)],
    ['%j', (value) => format('%j', value)],
    ['a message of an error', (value) => inspect(new Error(`failed with ${value}`))],
    ['a line of the log', (value) => logged((logger) => logger.info({ value, deeper: { value } }, 'a message'))],
    ['a line of the log, as its message', (value) => logged((logger) => logger.info(`with ${value}`))],
    [
      'a line of the log, by a placeholder',
      (value) => logged((logger) => logger.info('with %s %o %j', value, value, value)),
    ],
    ['an error in the log', (value) => logged((logger) => logger.error(Object.assign(new Error('failed'), { value })))],
  ])('is not in %s', (_, print) => {
    for (const value of [secret, bytes]) {
      const text = print(value);
      expect(text).toContain('[secret]');
      expect(text).not.toMatch(/CANARY|43 ?41 ?4e|67,65|Q0FOQVJZ/i);
    }
  });

  it.each<[string, (value: Secret<unknown>) => unknown]>([
    ['the names of its fields', (value) => Object.keys(value)],
    ['its entries', (value) => Object.entries(value)],
    ['a spread', (value) => ({ ...value })],
    ['a structured clone', (value) => structuredClone(value)],
  ])('is not in %s', (_, copy) => {
    expect(inspect(copy(secret), { showHidden: true })).not.toContain('CANARY');
  });
});
