import type { Config } from './config.js';

/** What went wrong, in words that say what to do. */
export function explain(error: unknown, { http }: Pick<Config, 'http'>): string {
  const { code, syscall, port = http.port } = error as NodeJS.ErrnoException & { readonly port?: number };
  const setting = port === http.metricsPort ? 'METRICS_PORT' : 'PORT';
  if (code === 'EADDRINUSE') return `port ${port} of ${http.host} is taken: stop what listens there, or set ${setting}`;
  if (code === 'EACCES' && syscall === 'listen')
    return `port ${port} of ${http.host} is not allowed for this user: set ${setting}`;
  if (code === 'EADDRNOTAVAIL') return `this machine has no address ${http.host}: set HOST`;
  return error instanceof Error ? error.message : String(error);
}

/** What a person who has just started the service wants to know. */
export function greeting(url: string): string {
  return `
The agreement service is ready.

  API               ${url}/v1/agreement
  Swagger UI        ${url}/docs
  Sandbox phone     ${url}/sandbox
  Sandbox messages  ${url}/sandbox/messages

Try it:

  curl -X POST ${url}/v1/agreement -H 'Content-Type: application/json' \\
    -d '{"id_hash": "customer-1042", "phone": "+7 916 123-45-67"}'

Stop it with Ctrl-C.

`;
}
