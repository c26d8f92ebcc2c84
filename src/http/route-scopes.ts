import type { Scope } from '../config.js';

/** What a key must be allowed to do, by method and route. `public` routes need no key; what is not listed is closed. */
export const ROUTE_SCOPES: Readonly<Record<string, Scope | 'public'>> = {
  'POST /v1/agreement': 'create',
  'GET /v1/agreement': 'read',
  'HEAD /v1/agreement': 'read',
  'GET /v1/agreement/:reference': 'read',
  'HEAD /v1/agreement/:reference': 'read',
  'POST /v1/agreement/:reference': 'confirm',
  'POST /v1/agreement/:reference/resend': 'create',
  'POST /v1/agreement/:reference/cancel': 'create',
  'POST /v1/agreement/:reference/withdraw': 'confirm',
  'GET /health/live': 'public',
  'HEAD /health/live': 'public',
  'GET /health/ready': 'public',
  'HEAD /health/ready': 'public',
  'GET /sandbox/messages': 'public',
  'HEAD /sandbox/messages': 'public',
};
