import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { detailOf } from './problem-texts.js';
import { type ProblemCode, type ProblemDetails, PROBLEMS } from './problem.js';

class FieldErrorDto {
  @ApiProperty({ example: 'document.sha256' })
  field!: string;

  @ApiProperty({ example: 'must be 64 hex digits' })
  message!: string;
}

/** The one shape of everything that goes wrong (RFC 9457). */
export class ProblemDto {
  @ApiProperty({ example: 'urn:agreement-service:problem:code_invalid' })
  type!: string;

  @ApiProperty({ example: PROBLEMS.code_invalid.title })
  title!: string;

  @ApiProperty({ type: 'integer', example: 422 })
  status!: number;

  @ApiProperty({ description: 'For people, in Russian or by Accept-Language in English.' })
  detail!: string;

  @ApiProperty({ example: '/v1/agreement', description: 'The path of the request.' })
  instance!: string;

  @ApiProperty({ enum: Object.keys(PROBLEMS), description: 'For programs; does not change.' })
  code!: ProblemCode;

  @ApiProperty({ type: 'integer', required: false })
  attempts_left?: number;

  @ApiProperty({ type: String, required: false })
  agreement_status?: string;

  @ApiProperty({ type: String, required: false })
  reason?: string;

  @ApiProperty({ type: String, required: false })
  limit?: string;

  @ApiProperty({ type: 'integer', required: false, description: 'Seconds; equal to the header Retry-After.' })
  retry_after?: number;

  @ApiProperty({ type: [FieldErrorDto], required: false })
  errors?: FieldErrorDto[];
}

/** What the examples show besides the members that all problems have. */
const EXAMPLES: Partial<Record<ProblemCode, ProblemDetails>> = {
  validation_failed: { errors: [{ field: 'document.sha256', message: 'must be 64 hex digits' }] },
  phone_not_allowed: { reason: 'not_mobile' },
  code_invalid: { attempts_left: 2, agreement_status: 'pending' },
  agreement_closed: { agreement_status: 'expired' },
  resend_too_soon: { retry_after: 42 },
  send_limit_reached: { limit: 'agreement' },
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
    ...(retry ? { headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } } } : {}),
  });
}

function example(code: ProblemCode, status: number): object {
  const details = { ...EXAMPLES[code], status };
  return {
    type: `urn:agreement-service:problem:${code}`,
    title: PROBLEMS[code].title,
    detail: detailOf(code, details, 'ru'),
    instance: '/v1/agreement/019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
    code,
    ...details,
  };
}
