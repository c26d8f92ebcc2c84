import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AgreementError, type AgreementFault, UnknownCodeKey } from '../agreement/index.js';
import { isUnavailable } from '../database/index.js';
import { LimitError } from '../limits/index.js';
import { LOGGER, type Logger } from '../logger.js';
import { Problem, unavailable } from './problem.js';
import { send } from './problem-document.js';
import { REPLAYED } from './replays.js';
import { RouteTable } from './route-table.js';

/** Turns whatever went wrong into the one documented shape, and into one line of the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly routes: RouteTable,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = this.#problemOf(error, request);
    if (problem.code === 'internal_error') {
      this.logger.error(
        { request_id: request.id, route: request.routeOptions.url, error: stripped(error) },
        'internal error',
      );
    }
    request.problem = problem;
    if (error instanceof AgreementError && error.replayed) reply.header(REPLAYED, 'true');
    send(problem, request, reply);
  }

  #problemOf(error: unknown, request: FastifyRequest): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof AgreementError) return fromFault(error.fault);
    if (error instanceof LimitError) return fromLimit(error);
    if (isUnavailable(error)) return unavailable();
    if (error instanceof UnknownCodeKey) {
      this.logger.error(
        { request_id: request.id, key_id: error.keyId },
        'a code was made by an OTP key that is not configured',
      );
      return unavailable();
    }
    if (error instanceof HttpException) return this.#fromStatus(error.getStatus(), request);
    return new Problem('internal_error');
  }

  /** What Fastify and Nest refuse by themselves, before a controller is reached. */
  #fromStatus(status: number, request: FastifyRequest): Problem {
    if (status === 404) return noSuchRoute(this.routes.methodsOf(request.url));
    if (status === 503) return unavailable();
    if (status >= 400 && status < 500) return new Problem('malformed_request', { status });
    return new Problem('internal_error');
  }
}

/** @param allow the methods that the path knows; empty where nobody serves it */
export function noSuchRoute(allow: readonly string[]): Problem {
  return allow.length > 0 ? new Problem('method_not_allowed', { allow }) : new Problem('not_found');
}

/** The one map from the domain's faults to HTTP; a fault that is missing here does not compile. */
function fromFault(fault: AgreementFault): Problem {
  switch (fault.code) {
    case 'phone_not_allowed':
    case 'email_not_allowed':
      return new Problem(fault.code, { reason: fault.reason });
    case 'code_invalid':
      return new Problem(fault.code, { attempts_left: fault.attemptsLeft, agreement_status: fault.status });
    case 'agreement_closed':
      return new Problem(fault.code, { agreement_status: fault.status });
    case 'resend_too_soon':
    case 'request_in_progress':
      return new Problem(fault.code, { retry_after: fault.retryAfter });
    case 'send_limit_reached':
      return new Problem(fault.code, { limit: fault.limit });
    case 'agreement_not_found':
    case 'code_not_sent_yet':
    case 'attempts_exhausted':
    case 'code_expired':
    case 'already_confirmed':
    case 'not_confirmed':
    case 'idempotency_key_reused':
      return new Problem(fault.code);
  }
}

/** An address is no limit of sending: the contract has a code of its own for it. */
function fromLimit({ limit, retryAfter, quotas }: LimitError): Problem {
  const details = { retry_after: retryAfter, quotas };
  return limit === 'address'
    ? new Problem('rate_limited', details)
    : new Problem('send_limit_reached', { limit, ...details });
}

/** Type, message and place of a defect, without the fields of a driver's error, which may hold parameters. */
function stripped(error: unknown): object {
  if (!(error instanceof Error)) return { message: typeof error };
  return { type: error.name, message: error.message, stack: error.stack };
}
