import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { type Config, readConfig } from '../src/config.js';
import { createAdapter } from '../src/http/server.js';

const KEY = Buffer.alloc(32, 1).toString('base64');

describe('the address that a request counts for', () => {
  const opened: ReturnType<typeof createAdapter>[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((adapter) => adapter.close())));

  function config(trusted: string): Config {
    const keys = { OTP_KEYS: `a:${KEY}`, CONTACT_KEYS: `a:${KEY}`, NODE_ENV: 'test' };
    return readConfig({ ...keys, DATABASE_URL: 'postgresql://nobody@localhost/none', TRUSTED_PROXIES: trusted });
  }

  /** What a request from this peer counts for, with these headers. */
  async function addressOf(trusted: string, peer: string, headers: Record<string, string | string[]>): Promise<string> {
    const adapter = createAdapter(config(trusted), pino({ level: 'silent' }));
    opened.push(adapter);
    const fastify = adapter.getInstance();
    fastify.get('/', (request) => request.ip);
    return (await fastify.inject({ method: 'GET', url: '/', remoteAddress: peer, headers })).body;
  }

  const forwarded = (chain: string) => ({ 'x-forwarded-for': chain });

  it.each<[string, string, string, string]>([
    ['nobody is trusted', '', '203.0.113.9', '198.51.100.1'],
    ['nobody is trusted, and the peer is near', '', '127.0.0.1', '198.51.100.1'],
    ['the peer is not one of the proxies', '10.0.0.0/8', '203.0.113.9', '198.51.100.1'],
    ['the peer is next to the proxies', '10.0.0.0/24', '10.0.1.1', '198.51.100.1'],
    ['the peer says that a proxy asked', '10.0.0.0/8', '203.0.113.9', '198.51.100.1, 10.0.0.1'],
    ['the peer is another IPv6 address', '2001:db8:1::/48', '2001:db8:2::1', '198.51.100.1'],
    ['a proxy says nothing', '10.0.0.0/8', '10.0.0.1', ''],
  ])('is the peer where %s', async (_, trusted, peer, chain) => {
    expect(await addressOf(trusted, peer, chain === '' ? {} : forwarded(chain))).toBe(peer);
  });

  it.each<[string, string, string, string, string]>([
    ['a proxy names it', '10.0.0.0/8', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['two proxies stand in line', '10.0.0.0/8', '10.0.0.1', '198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['the caller made a chain up', '10.0.0.0/8', '10.0.0.1', '192.0.2.66, 198.51.100.1', '198.51.100.1'],
    ['the caller put a proxy into it', '10.0.0.0/8', '10.0.0.1', '10.9.9.9, 198.51.100.1', '198.51.100.1'],
    ['the caller sent garbage', '10.0.0.0/8', '10.0.0.1', 'x y;, 198.51.100.1', '198.51.100.1'],
    ['a proxy has one address', '10.0.0.7', '10.0.0.7', '198.51.100.1', '198.51.100.1'],
    ['a proxy speaks IPv6', '2001:db8:1::/48', '2001:db8:1::5', '2001:db8:9::1', '2001:db8:9::1'],
    ['a proxy comes as IPv4 in IPv6', '10.0.0.0/8', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
  ])('is the first that no proxy is, from the right, where %s', async (_, trusted, peer, chain, expected) => {
    expect(await addressOf(trusted, peer, forwarded(chain))).toBe(expected);
  });

  it.each(['unknown', '"; DROP TABLE', '198.51.100.1:4711', '<script>', '[2001:db8::1]'])(
    'is what a trusted proxy says last, also where that is no address: %s',
    async (said) => {
      expect(await addressOf('10.0.0.0/8', '10.0.0.1', forwarded(`198.51.100.1, ${said}`))).toBe(said);
      expect(await addressOf('10.0.0.0/8', '203.0.113.9', forwarded(said))).toBe('203.0.113.9');
    },
  );

  it('is not changed by other headers of this kind', async () => {
    const headers = { forwarded: 'for=198.51.100.1', 'x-real-ip': '198.51.100.1', 'cf-connecting-ip': '198.51.100.1' };
    expect(await addressOf('10.0.0.0/8', '10.0.0.1', headers)).toBe('10.0.0.1');
  });
});
