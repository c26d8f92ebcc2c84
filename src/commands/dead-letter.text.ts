import { isUtf8 } from 'node:buffer';
import { type DeadLetter, LEFT_OUT_HEADER } from '../kafka/index.js';
import { printable } from './command.js';

/** Where it lies in the dead letter topic. */
export function positionOf({ partition, offset }: Pick<DeadLetter, 'partition' | 'offset'>): string {
  return `${partition}:${offset}`;
}

/** What there is to know of it, for a script. */
export function asData(letter: DeadLetter) {
  const headers = texts(letter.headers);
  const { value } = letter;
  return {
    position: positionOf(letter),
    waits: letter.waits,
    buried_at: new Date(letter.timestamp).toISOString(),
    key: letter.key?.toString() ?? null,
    type: headers['ce_type'] ?? null,
    reason: headers['dlq_reason'] ?? null,
    source: sourceOf(headers),
    left_out: headers[LEFT_OUT_HEADER] ?? null,
    headers,
    value: value && (isUtf8(value) ? value.toString() : value.toString('base64')),
    value_encoding: value && (isUtf8(value) ? 'utf8' : 'base64'),
  };
}

/** The short form: what, why, since when. */
export function inALine(letter: DeadLetter): string {
  const { key, type, reason, source, buried_at, position, waits } = asData(letter);
  const what = printable(`${type ?? 'no type'} of ${key ?? 'no key'}`);
  const why = printable(reason ?? 'for no known reason');
  const put = waits ? '' : ' (put right)';
  return `${position}  ${what}${put}\n    buried ${buried_at} from ${source ?? 'nowhere known'}: ${why}`;
}

/** Everything of it. */
export function inFull(letter: DeadLetter): string {
  const { headers, value, value_encoding, left_out, key } = asData(letter);
  const lines = Object.entries(headers).map(([name, text]) => `${printable(name)}: ${printable(text)}`);
  const content = value === null ? '(no value)' : printable(value);
  return [
    inALine(letter),
    '',
    `key: ${key === null ? '(no key)' : printable(key)}`,
    ...lines,
    '',
    left_out === null ? content : `(${left_out} had no room here; replay takes the original)`,
    ...(value_encoding === 'base64' ? ['(not text; shown in base64)'] : []),
  ].join('\n');
}

function sourceOf(headers: Readonly<Record<string, string>>): string | null {
  const { dlq_source_partition: partition, dlq_source_offset: offset } = headers;
  return partition === undefined || offset === undefined ? null : `${partition}:${offset}`;
}

/** Of several with one name the last one, as the consumer reads them. */
function texts(headers: DeadLetter['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return last === undefined || last === null ? [] : [[name, last.toString()]];
    }),
  );
}
