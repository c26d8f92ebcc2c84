/** What is left to a client of one of its own limits (the IETF draft "RateLimit header fields for HTTP"). */
export interface Quota {
  /** The name of the policy: the limit and its window. */
  readonly policy: string;
  readonly max: number;
  /** Seconds. */
  readonly within: number;
  readonly remaining: number;
  /** Seconds until more is left. */
  readonly reset: number;
}

/** The values of `RateLimit-Policy` and `RateLimit`: lists of strings with parameters (RFC 9651). */
export function rateLimitHeaders(quotas: readonly Quota[]): { readonly policy: string; readonly state: string } {
  return {
    policy: quotas.map(({ policy, max, within }) => `"${policy}";q=${max};w=${within}`).join(', '),
    state: quotas.map(({ policy, remaining, reset }) => `"${policy}";r=${remaining};t=${reset}`).join(', '),
  };
}
