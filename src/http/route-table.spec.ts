import { beforeEach, describe, expect, it } from '@jest/globals';
import { RouteTable } from './route-table.js';

describe('the table of routes', () => {
  let routes: RouteTable;
  beforeEach(() => {
    routes = new RouteTable();
    routes.add({ url: '/v1/agreement', method: 'POST' });
    routes.add({ url: '/v1/agreement', method: ['GET', 'HEAD'] });
    routes.add({ url: '/v1/agreement/:reference', method: 'GET' });
    routes.add({ url: '/v1/agreement/:reference', method: 'POST' });
    routes.add({ url: '/v1/agreement/:reference/resend', method: 'POST' });
    routes.add({ url: '/docs/swagger-ui.css', method: 'GET' });
  });

  it.each([
    ['/v1/agreement', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/v1/agreement/', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/v1/agreement?limit=1', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/v1/agreement/?limit=1/2', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['/v1/agreement/019aa3b2', ['GET', 'OPTIONS', 'POST']],
    ['/v1/agreement/%20%2F', ['GET', 'OPTIONS', 'POST']],
    ['/v1/agreement/019aa3b2/resend', ['OPTIONS', 'POST']],
    ['/v1/agreement/019aa3b2/resend/', ['OPTIONS', 'POST']],
    ['/docs/swagger-ui.css', ['GET', 'OPTIONS']],
  ])('knows which methods %s has, sorted and each once', (url, methods) => {
    expect(routes.methodsOf(url)).toEqual(methods);
  });

  it.each([
    '/',
    '',
    '/v1',
    '/v1/agreements',
    '/v1/agreement//',
    '/v1/agreement/a/b',
    '/v1/agreement/a/resend/b',
    '/x/v1/agreement',
    '/V1/agreement',
    '/docs/swagger-uiXcss',
  ])('knows nobody who serves %j', (url) => {
    expect(routes.methodsOf(url)).toEqual([]);
  });

  it('takes no wildcard for a path that is served', () => {
    routes.add({ url: '/docs/*', method: 'GET' });
    routes.add({ url: '*', method: 'OPTIONS' });

    expect(routes.methodsOf('/docs/nothing')).toEqual([]);
    expect(routes.methodsOf('/docs/*')).toEqual([]);
    expect(routes.methodsOf('/nothing')).toEqual([]);
  });

  it('is empty at first', () => {
    expect(new RouteTable().methodsOf('/v1/agreement')).toEqual([]);
  });
});
