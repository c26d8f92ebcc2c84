import type { Scope } from '../config.js';

/** What a key must be allowed to do, by method and route. `public` routes need no key; what is not listed is closed. */
export const ROUTE_SCOPES: Readonly<Record<string, Scope | 'public'>> = {
  'POST /v1/agreement': 'create',
  'GET /v1/agreement': 'read',
  'GET /v1/agreement/:reference': 'read',
  'POST /v1/agreement/:reference': 'confirm',
  'POST /v1/agreement/:reference/resend': 'create',
  'POST /v1/agreement/:reference/cancel': 'create',
  'POST /v1/agreement/:reference/withdraw': 'confirm',
  // Signed by the provider.
  'POST /v1/delivery/:provider': 'public',
  'GET /health/live': 'public',
  'GET /health/ready': 'public',
  // The rest is not there in production.
  'GET /sandbox': 'public',
  'GET /sandbox/phone.js': 'public',
  'GET /sandbox/phone.css': 'public',
  'GET /sandbox/icon.svg': 'public',
  'GET /sandbox/messages': 'public',
  'GET /sandbox/switches': 'public',
  'PUT /sandbox/switches': 'public',
  'GET /docs': 'public',
  'GET /docs/': 'public',
  'GET /docs/*': 'public',
  'GET /docs/LICENSE': 'public',
  'GET /docs/index.html': 'public',
  'GET /docs/swagger-ui-init.js': 'public',
  'GET /docs/docs/swagger-ui-init.js': 'public',
  'GET /docs-json': 'public',
  'GET /docs-yaml': 'public',
};

/** The scope of a route; HEAD asks for what GET gives. Undefined where nobody may pass. */
export function scopeOf(method: string, route = ''): Scope | 'public' | undefined {
  return ROUTE_SCOPES[`${method === 'HEAD' ? 'GET' : method} ${route}`];
}
