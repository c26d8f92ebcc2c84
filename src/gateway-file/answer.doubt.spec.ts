import { describe, expect, it } from '@jest/globals';
import { judge, type Verdict } from './answer.judge.js';
import { readGateway } from './gateway-file.js';

const NOW = Date.parse('2026-11-21T10:00:00Z');

interface Given {
  readonly complete?: boolean;
  readonly headers?: Record<string, string>;
}

/** What an answer of status 200 means by one condition of the body, and by rules behind it. */
function verdict(rules: string, body: string, { complete = true, headers = {} }: Given = {}): Verdict {
  const read = readGateway(`request: { form: { to: '{to}', text: '{text}' } }\nanswers:\n${rules}\n`);
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return judge(read.gateway, { status: 200, headers, body, complete }, NOW);
}

const where = (condition: string, body: string, given: Given = {}): string =>
  verdict(`- { outcome: accepted, body: ${condition}, id: none }`, body, given).kind;

describe('an acceptance', () => {
  it.each([
    ['{ errors: { present: false } }', '{"errors":[{"code":7}]}'],
    ['{ errors: { present: false } }', '{"errors":[]}'],
    ['{ errors: { present: false } }', '{"errors":{}}'],
    ['{ errors.0.code: { present: false } }', '{"errors":"all wrong"}'],
    ['{ error.code: { present: false } }', '{"error":[{"code":7}]}'],
    ['{ data.id: { present: true } }', '{"data":"all wrong"}'],
    ['{ status: { not: error } }', '{"status":{"word":"error"}}'],
    ['{ status: { not: error } }', '{"status":["error"]}'],
    ['{ status.word: { not: error } }', '{"status":"error"}'],
    ...['<html>', '', ' ', '"fine"', 'null', '17', '{"status":'].flatMap((body) => [
      ['{ status: { not: error } }', body] as [string, string],
      ['{ status: { present: false } }', body] as [string, string],
    ]),
  ])('does not come of %s and %s', (condition, body) => {
    expect(where(condition, body)).toBe('unknown');
  });

  it.each([
    ['{ errors: { present: false } }', '{}'],
    ['{ errors: { present: false } }', '{"errors":null}'],
    ['{ error.code: { present: false } }', '{"error":null}'],
    ['{ errors.0: { present: false } }', '{"errors":[]}'],
    ['{ errors: { present: true } }', '{"errors":[]}'],
    ['{ status: { not: error } }', '{"status":null}'],
    ['{ status: { not: error } }', '\u{feff}{"status":"fine"}'],
  ])('comes of %s and %s', (condition, body) => {
    expect(where(condition, body)).toBe('accepted');
  });

  it('does not come of a body that was cut off, whichever rule asks for what may be lost', () => {
    const cut = { complete: false };
    expect(where('{ status: fine }', '{"status":"fine"}', cut)).toBe('unknown');
    const behind = '- { outcome: refused, body: { ok: false } }\n- { outcome: accepted, status: 2xx, id: none }';
    expect(verdict(behind, '{"ok":', cut).kind).toBe('unknown');
    expect(verdict(behind, '{"ok":true}').kind).toBe('accepted');
    expect(verdict(`- { outcome: accepted, text: '^OK', id: none }`, 'OK', cut).kind).toBe('unknown');
    const half = `- { outcome: accepted, status: 2xx, id: { text: '(\\d+)' } }`;
    expect(verdict(half, 'OK 123', cut)).toEqual({ kind: 'accepted', messageId: null });
  });

  it('does not come of a later rule where it cannot be told whether an earlier one fits', () => {
    const rules = '- { outcome: refused, body: { status: { not: ok } } }\n- { outcome: accepted, id: none }';
    expect(verdict(rules, '{"status":{"word":"error"}}').kind).toBe('unknown');
  });

  it.each(['a\0b', 'a\nb', '\u{7f}', ' '])('has no id where that is %j', (id) => {
    const body = JSON.stringify({ id });
    expect(verdict('- { outcome: accepted, id: id }', body)).toEqual({ kind: 'accepted', messageId: null });
  });
});

describe('when to come back', () => {
  it.each([
    ['wait', '{"wait":"30"}', 30_000],
    ['wait', '{"wait":2000000}', 2_000_000_000],
    ['until', `{"until":${NOW / 1000 + 60}}`, 60_000],
    ['until', `{"until":"${NOW + 60_000}"}`, 60_000],
    ['until', '{"until":1000000000}', 0],
    ['until', '{"until":"99999999999999"}', null],
    [`'30'`, '{}', 30_000],
  ])('is understood: retry_after: %s of %s', (source, body, retryAfter) => {
    const rules = `- { outcome: try_later, retry_after: ${source} }\n- { outcome: accepted, id: none }`;
    expect(verdict(rules, body)).toEqual({ kind: 'try_later', reason: 'http_200', retryAfter });
  });
});
