import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../config.js';
import {
  type Chain,
  companionsOf,
  handedTo,
  nextProvider,
  othersThan,
  routeOf,
  stepAfter,
  type Try,
  turnOf,
} from './provider-chain.js';

describe('a chain', () => {
  const refused = (provider: string): Try => ({ provider, outcome: 'refused', receipt: null });
  const chain = (tries: readonly Try[], known: Record<string, boolean> = { a: true, b: false }): Chain => ({
    route: ['a', 'b'],
    tries,
    deduplicates: (provider) => known[provider],
  });

  const later = (provider: string): Try => ({ provider, outcome: 'try_later', receipt: null });

  it('goes back to who said "later" when the next one has refused, and not to whom it is too late', () => {
    expect(turnOf(chain([later('a'), later('b'), refused('b')]), null)).toMatchObject({ provider: 'a' });
    expect(stepAfter(chain([later('a'), refused('b')]), true)).toMatchObject({ kind: 'call', provider: 'a' });
    const tooLate = { ...later('a'), tooLate: true };
    expect(turnOf(chain([tooLate, refused('b')]), null)).toEqual({ kind: 'end', reason: 'expired' });
    expect(turnOf(chain([later('a'), refused('a'), refused('b')]), null)).toEqual({ kind: 'end', reason: 'refused' });
  });

  it('goes back to the first where the second has troubles of its own, if that is what was noted', () => {
    const tries = [later('a'), later('b')];
    expect(turnOf(chain(tries), 'b')).toMatchObject({ provider: 'b' });
    expect(turnOf(chain(tries), 'a')).toMatchObject({ provider: 'a' });
    expect(othersThan('b', chain(tries))).toEqual(['a']);
  });

  it('is not handed to whom it was before the text that was in vain', () => {
    const accepted: Try = { provider: 'b', outcome: 'accepted', receipt: 'undelivered' };
    expect(turnOf(chain([later('a'), accepted]), 'a')).toEqual({ kind: 'end', reason: 'expired' });
  });

  it('goes on after a text in vain also where the provider took it twice, and not where one of them has arrived', () => {
    const tries = (receipt: Try['receipt']): Try[] => [
      { provider: 'a', outcome: 'accepted', receipt },
      { provider: 'a', outcome: 'accepted', receipt: 'undelivered' },
    ];
    expect(turnOf(chain(tries(null)), 'b')).toMatchObject({ kind: 'call', provider: 'b' });
    expect(turnOf(chain(tries('delivered')), 'b')).toEqual({ kind: 'end', reason: 'unknown' });
    const two: Try[] = [...tries('undelivered'), { provider: 'b', outcome: 'accepted', receipt: 'undelivered' }];
    expect(turnOf({ ...chain(two, { a: true, b: true, c: true }), route: ['a', 'b', 'c'] }, 'c').kind).toBe('end');
  });

  it('is handed on after the second failure, or the first of one in trouble or slow, to somebody who is well', () => {
    const well = () => false;
    expect(handedTo(chain([later('a')]), well, false)).toBeNull();
    expect(handedTo(chain([later('a')]), well, true)).toBe('b');
    expect(handedTo(chain([later('a')]), (name) => name === 'a', false)).toBe('b');
    expect(handedTo(chain([later('a'), later('a')]), well, false)).toBe('b');
    expect(handedTo(chain([later('a'), later('a')]), (name) => name === 'b', false)).toBeNull();
    expect(handedTo(chain([later('a'), later('a'), later('b')]), well, false)).toBeNull();
    expect(handedTo(chain([later('a'), later('a'), later('b'), later('b')]), well, false)).toBe('a');
  });

  it('goes on with whom it was handed to, where that one was not asked yet', () => {
    const tries: Try[] = [{ provider: 'a', outcome: 'try_later', receipt: null }];
    expect(turnOf(chain(tries), 'b')).toEqual({ kind: 'call', provider: 'b', pinned: false });
    expect(turnOf(chain(tries), 'a')).toEqual({ kind: 'call', provider: 'a', pinned: false });
    expect(turnOf(chain(tries), 'gone')).toEqual({ kind: 'call', provider: 'a', pinned: false });
  });

  it('begins where nobody was handed it, or somebody who is not there any more', () => {
    expect(turnOf(chain([]), null)).toEqual({ kind: 'call', provider: 'a', pinned: false });
    expect(turnOf(chain([]), 'gone')).toEqual({ kind: 'call', provider: 'a', pinned: false });
    expect(turnOf(chain([], { b: false }), 'a')).toEqual({ kind: 'call', provider: 'b', pinned: false });
  });

  it('is over where a provider that is gone may have the text', () => {
    const tries: Try[] = [{ provider: 'gone', outcome: null, receipt: null }];
    expect(turnOf(chain(tries), 'a')).toEqual({ kind: 'end', reason: 'unknown' });
  });

  it('does not count a try in which nobody was called', () => {
    const tries: Try[] = [{ provider: 'a', outcome: 'not_tried', receipt: null }];
    expect(turnOf(chain(tries), 'a')).toEqual({ kind: 'call', provider: 'a', pinned: false });
    expect(nextProvider(['a', 'b'], tries)).toBe('a');
    expect(nextProvider(['a', 'b'], [refused('a')])).toBe('b');
    expect(nextProvider(['a', 'b'], [refused('a'), refused('b')])).toBeNull();
  });

  it('says refused where nobody is configured at all', () => {
    expect(turnOf({ ...chain([]), route: [] }, null)).toEqual({ kind: 'end', reason: 'refused' });
  });
});

describe('the route of a send', () => {
  it('may be served by those that stand in one route with it', () => {
    expect(companionsOf('http', config)).toEqual(['twilio']);
    expect(companionsOf('twilio', config)).toEqual(['http']);
    expect(companionsOf('sandbox', config)).toEqual([]);
    expect(companionsOf('test', config)).toEqual([]);
  });

  const key = `k:${Buffer.alloc(32, 1).toString('base64')}`;
  const twilio = { TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKEN: 'token', TWILIO_FROM: '+12025550100' };
  const http = { SMS_HTTP_URL: 'https://sms.example/send', SMS_HTTP_TOKEN: 'token' };
  const config = readConfig({
    ...{ OTP_KEYS: key, CONTACT_KEYS: key, SMS_PROVIDERS: 'sandbox', SMS_ROUTES: 'RU:http,twilio;DE:twilio' },
    ...{ ...twilio, ...http, EMAIL_PROVIDERS: 'sandbox' },
  });
  const contact = { channel: 'sms', country: 'RU', test: false } as const;

  it.each([
    ['of its country', contact, ['http', 'twilio']],
    ['of another country', { ...contact, country: 'DE' }, ['twilio']],
    ['of all other countries', { ...contact, country: 'FR' }, ['sandbox']],
    ['of no country', { ...contact, country: null }, ['sandbox']],
    ['of mails', { ...contact, channel: 'email', country: null } as const, ['sandbox']],
    ['of tests, wherever they go', { ...contact, test: true }, ['test']],
  ])('is that %s', (_, to, route) => {
    expect(routeOf(to, config)).toEqual(route);
  });
});
