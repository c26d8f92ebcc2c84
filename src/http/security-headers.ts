/**
 * What every answer tells a browser, also a refusal and whatever Node answers past the routes: to show nothing of it as a
 * page, in no frame and to no other site. @fastify/helmet is not for this: its hooks come behind ours, which refuse most
 * of what is refused, and never see an answer on a connection that is not HTTP. No Strict-Transport-Security: the service
 * speaks plain HTTP, where the header means nothing (RFC 6797 §7.2); the proxy that ends TLS adds it.
 */
export const SECURITY_HEADERS = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

/**
 * What the page of Swagger UI gets in the place of the policy that allows nothing: its own files, its own service, and
 * pictures that stand in its style sheet. No inline script. Inline styles: its script writes style elements, whose hashes
 * change with its version, and its page a style attribute; what a style could fetch is bounded all the same.
 */
export const DOCS_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const;

/** What a page of our own gets: its own files and its own service, nothing inline, and no text that becomes markup. */
export const PAGE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const;
