import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import type { ApiKey, Config, Scope } from '../config.js';
import { ApiKeys } from './api-keys.js';

const aKey = (client: string, key: string, ...scopes: Scope[]): ApiKey => ({
  client,
  digest: createHash('sha256').update(key).digest(),
  scopes: new Set(scopes),
});

const ask = (keys: ApiKeys, route: string, ...authorization: string[]) => {
  const [method, url] = route.split(' ');
  const rawHeaders = authorization.flatMap((value) => ['Authorization', value]);
  const raw = { rawHeaders, headers: { authorization: authorization[0] } };
  const request = { method, routeOptions: { url }, raw, client: '', keyId: '' };
  const refusal = keys.refusalOf(request as unknown as FastifyRequest);
  return { code: refusal?.code, client: request.client, keyId: request.keyId };
};

describe('the API keys of a running service', () => {
  const given = [
    aKey('shop', 'first', 'create'),
    aKey('shop', 'second', 'read'),
    aKey('bank', 'admin', 'admin'),
    aKey('we', 'operator', 'operator'),
  ];
  const keys = new ApiKeys({ apiKeys: given } as unknown as Config);

  it.each(['GET /v1/new', 'DELETE /v1/agreement', 'GET ', 'GET __proto__', 'HEAD /v1/agreement/:reference/resend'])(
    'open nothing that is not in the table, to nobody: %s',
    (route) => {
      expect(ask(keys, route).code).toBe('unauthorized');
      for (const key of ['first', 'second', 'admin', 'operator']) {
        expect(ask(keys, route, `Bearer ${key}`).code).toBe('forbidden');
      }
      const open = new ApiKeys({ apiKeys: undefined } as unknown as Config);
      expect(ask(open, route).code).toBe('forbidden');
    },
  );

  it('are all looked through, however many a client has, and say which one it was', () => {
    for (const { client, key, route } of [
      { client: 'shop', key: 'first', route: 'POST /v1/agreement' },
      { client: 'shop', key: 'second', route: 'HEAD /v1/agreement' },
      { client: 'bank', key: 'admin', route: 'POST /v1/agreement/:reference/withdraw' },
    ]) {
      const keyId = createHash('sha256').update(key).digest('hex').slice(0, 8);
      expect(ask(keys, route, `Bearer ${key}`)).toEqual({ code: undefined, client, keyId });
    }
    expect(ask(keys, 'POST /v1/agreement', 'Bearer second').code).toBe('forbidden');
  });

  it('are good from one request to the next', () => {
    const changing = new ApiKeys({ apiKeys: given } as unknown as Config);
    changing.replace([aKey('shop', 'third', 'read')]);
    expect(ask(changing, 'GET /v1/agreement', 'Bearer second').code).toBe('unauthorized');
    expect(ask(changing, 'GET /v1/agreement', 'Bearer third').code).toBeUndefined();
  });

  it('leave who asks unknown where nobody has to say', () => {
    expect(ask(keys, 'GET /health/live', 'Bearer first')).toEqual({ code: undefined, client: '', keyId: '' });
  });
});
