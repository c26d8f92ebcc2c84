import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { Problem, type ProblemCode, type ProblemDetails, PROBLEMS } from './problem.js';
import { documentOf } from './problem-document.js';
import { detailOf } from './problem-texts.js';

const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** Stands for the path of the request until the document is whole. */
const INSTANCE = '/v1/agreement';

class FieldErrorDto {
  @ApiProperty({ example: 'document.sha256', description: 'The path of the field; empty for the body itself.' })
  field!: string;

  @ApiProperty({ example: 'must be 64 hex digits', description: 'What is expected, in English, for developers.' })
  message!: string;
}

/** The one shape of everything that goes wrong (RFC 9457). */
export class ProblemDto {
  @ApiProperty({ example: 'urn:agreement-service:problem:code_invalid', description: 'The code as a URI.' })
  type!: string;

  @ApiProperty({ example: PROBLEMS.code_invalid.title, description: 'The code in English words.' })
  title!: string;

  @ApiProperty({ type: 'integer', example: 422, description: 'The status of the answer.' })
  status!: number;

  @ApiProperty({ description: 'For people, in Russian or by Accept-Language in English.' })
  detail!: string;

  @ApiProperty({ example: '/v1/agreement', description: 'The path of the request.' })
  instance!: string;

  @ApiProperty({ enum: PROBLEM_CODES, description: 'For programs; does not change.' })
  code!: ProblemCode;

  @ApiProperty({ type: 'integer', required: false, description: 'With `code_invalid`: guesses left for this code.' })
  attempts_left?: number;

  @ApiProperty({
    type: String,
    required: false,
    description: 'With `agreement_closed` and `code_invalid`: the status of the agreement.',
  })
  agreement_status?: string;

  @ApiProperty({
    type: String,
    required: false,
    description:
      'With `phone_not_allowed`: invalid, not_mobile or country. With `email_not_allowed`: invalid, blocked or no_mx. ' +
      'With `forbidden`: host or origin. With `unauthorized` of a receipt: signature.',
  })
  reason?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'With `send_limit_reached`: agreement, phone, prefix, country, client or hold.',
  })
  limit?: string;

  @ApiProperty({ type: 'integer', required: false, description: 'Seconds; equal to the header Retry-After.' })
  retry_after?: number;

  @ApiProperty({ type: [FieldErrorDto], required: false, description: 'With `validation_failed`: the fields.' })
  errors?: FieldErrorDto[];
}

/** What the examples show besides the members that all problems have. */
const EXAMPLES: Partial<Record<ProblemCode, ProblemDetails>> = {
  validation_failed: { errors: [{ field: 'document.sha256', message: 'must be 64 hex digits' }] },
  phone_not_allowed: { reason: 'not_mobile' },
  email_not_allowed: { reason: 'no_mx' },
  code_invalid: { attempts_left: 2, agreement_status: 'pending' },
  agreement_closed: { agreement_status: 'expired' },
  resend_too_soon: { retry_after: 42 },
  send_limit_reached: { limit: 'phone', retry_after: 540 },
  rate_limited: { retry_after: 30 },
  request_in_progress: { retry_after: 1 },
  unavailable: { retry_after: 2 },
};

/** Further statuses under which a code goes out. */
const MORE_STATUSES: Partial<Record<ProblemCode, readonly number[]>> = { malformed_request: [413, 415] };

/** Describes the problems that a route may answer with, by status, each with an example. */
export function ApiProblems(...codes: readonly ProblemCode[]): MethodDecorator {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    for (const status of [PROBLEMS[code].status, ...(MORE_STATUSES[code] ?? [])]) {
      byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
    }
  }
  return applyDecorators(...[...byStatus].map(([status, listed]) => describe(status, listed)));
}

function describe(status: number, codes: readonly ProblemCode[]): MethodDecorator & ClassDecorator {
  const examples = Object.fromEntries(codes.map((code) => [code, { value: example(code, status) }]));
  const retry = codes.some((code) => EXAMPLES[code]?.retry_after !== undefined);
  return ApiResponse({
    status,
    description: codes.join(', '),
    content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDto) }, examples } },
    headers: {
      ...(retry ? { 'Retry-After': header('When to try again, in seconds.', 'integer') } : {}),
      ...(codes.includes('send_limit_reached') ? RATE_LIMIT_HEADERS : {}),
      ...(codes.includes('unauthorized')
        ? { 'WWW-Authenticate': header('Bearer; for receipts Signature.', 'string') }
        : {}),
    },
  });
}

const header = (description: string, type: 'integer' | 'string') => ({ description, schema: { type } });

/** Of every answer that asks for a code, refused or not. */
export const RATE_LIMIT_HEADERS = {
  'RateLimit-Policy': header('Your own limits: `"phone-600";q=5;w=600`, so many in so many seconds.', 'string'),
  RateLimit: header('What is left of them: `"phone-600";r=4;t=600`, and in how many seconds there is more.', 'string'),
};

function example(code: ProblemCode, status: number): object {
  return documentOf(new Problem(code, { ...EXAMPLES[code], status }), INSTANCE, 'ru');
}

/** Every problem with its statuses and its text, as a table in Markdown. */
export function problemTable(): string {
  const rows = PROBLEM_CODES.map((code) => {
    const statuses = [PROBLEMS[code].status, ...(MORE_STATUSES[code] ?? [])].join(', ');
    return `| \`${code}\` | ${statuses} | ${detailOf(code, EXAMPLES[code] ?? {}, 'en')} |`;
  });
  return ['| code | status | for example |', '|---|---|---|', ...rows].join('\n');
}
