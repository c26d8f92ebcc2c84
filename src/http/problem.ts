import type { Quota } from '../limits/index.js';

/** The stable codes of the contract, each with the status it goes out with unless the problem says another. */
export const PROBLEMS = {
  validation_failed: { status: 422, title: 'Validation failed' },
  malformed_request: { status: 400, title: 'Malformed request' },
  unauthorized: { status: 401, title: 'Unauthorized' },
  forbidden: { status: 403, title: 'Forbidden' },
  agreement_not_found: { status: 404, title: 'Agreement not found' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  phone_not_allowed: { status: 422, title: 'Phone not allowed' },
  email_not_allowed: { status: 422, title: 'Email not allowed' },
  code_not_sent_yet: { status: 409, title: 'Code not sent yet' },
  code_invalid: { status: 422, title: 'Code invalid' },
  attempts_exhausted: { status: 409, title: 'Attempts exhausted' },
  code_expired: { status: 410, title: 'Code expired' },
  already_confirmed: { status: 409, title: 'Already confirmed' },
  not_confirmed: { status: 409, title: 'Not confirmed' },
  agreement_closed: { status: 409, title: 'Agreement closed' },
  resend_too_soon: { status: 429, title: 'Resend too soon' },
  send_limit_reached: { status: 429, title: 'Send limit reached' },
  rate_limited: { status: 429, title: 'Rate limited' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused' },
  request_in_progress: { status: 409, title: 'Request in progress' },
  unavailable: { status: 503, title: 'Service unavailable' },
  internal_error: { status: 500, title: 'Internal error' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One field of the request that cannot be taken, and why. */
export interface FieldError {
  /** Path of the field, `document.sha256`. */
  readonly field: string;
  readonly message: string;
}

/** What a problem document says beyond its code; each member only where it fits. */
export interface ProblemDetails {
  readonly status?: number;
  readonly attempts_left?: number;
  readonly agreement_status?: string;
  readonly reason?: string;
  readonly limit?: string;
  /** Seconds; also sent as the header `Retry-After`. */
  readonly retry_after?: number;
  readonly errors?: readonly FieldError[];
  /** Methods that the path knows; sent as the header `Allow`. */
  readonly allow?: readonly string[];
  /** What is left of the client's own limits; sent as the headers `RateLimit-Policy` and `RateLimit`. */
  readonly quotas?: readonly Quota[];
}

/** The limit that a request met, by its name; undefined where it failed for another reason. */
export function limitOf({ code, details }: Problem): string | undefined {
  if (code === 'send_limit_reached') return details.limit;
  if (code === 'rate_limited') return 'address';
  return code === 'resend_too_soon' || code === 'attempts_exhausted' ? code : undefined;
}

/** Ends a request with a problem document (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly details: ProblemDetails = {},
  ) {
    super(code);
  }

  get status(): number {
    return this.details.status ?? PROBLEMS[this.code].status;
  }
}

/** When a caller may try again after a 503, in seconds: about as long as a restart of the database takes. */
const RETRY_UNAVAILABLE = 2;

/** What a caller is told whose request could not be dealt with now. */
export function unavailable(): Problem {
  return new Problem('unavailable', { retry_after: RETRY_UNAVAILABLE });
}
