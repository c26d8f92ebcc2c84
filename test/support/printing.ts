import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { pino } from 'pino';

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

/** Every way of turning a whole value into text, wherever in it a secret may be. */
export const PRINTED_WHOLE: readonly (readonly [string, (value: unknown) => string])[] = [
  ['JSON', (value) => JSON.stringify({ value })],
  ['inspect', (value) => inspect({ value }, { showHidden: true, depth: 10, getters: true })],
  ['console.log', (value) => format(value, [value], { value })],
  ['%s', (value) => format('%s', value)],
  ['%o', (value) => format('%o', value)],
  ['%O', (value) => format('%O', value)],
  ['%j', (value) => format('%j', value)],
  ['a line of the log', (value) => logged((logger) => logger.info({ value, deeper: { value } }, 'a message'))],
  [
    'a line of the log, by a placeholder',
    (value) => logged((logger) => logger.info('with %s %o %j', value, value as object, value as object)),
  ],
  ['an error in the log', (value) => logged((logger) => logger.error(Object.assign(new Error('failed'), { value })))],
];

/** Every way of turning a value that is a text itself into a longer one. */
export const PRINTED_IN_A_TEXT: readonly (readonly [string, (value: unknown) => string])[] = [
  ['String()', (value) => String(value)],
  ['a template', (value) => `it is ${value as string}`],
  ['a sum', (value) => ''.concat(value as string)],
  ['a list', (value) => [value].join()],
  ['toLocaleString()', (value) => (value as object).toLocaleString()],
  ['a message of an error', (value) => inspect(new Error(`failed with ${value as string}`))],
  ['a line of the log, as its message', (value) => logged((logger) => logger.info(`with ${value as string}`))],
];
