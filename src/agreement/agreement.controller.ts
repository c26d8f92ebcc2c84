import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CONFIG, type Config } from '../config.js';
import {
  ApiProblems,
  Client,
  From,
  IdempotencyKey,
  InputPipe,
  NoFieldsPipe,
  Problem,
  RATE_LIMIT_HEADERS,
  sayQuotas,
  Traceparent,
} from '../http/index.js';
import { Secret } from '../secret.js';
import { ConfirmAgreementDto, CreateAgreementDto, EXAMPLE, ListAgreementsDto, ReasonDto } from './agreement.dto.js';
import type { AgreementView } from './agreement.view.js';
import { known, requestOf, timeOf } from './agreement-request.dto.js';
import { AgreementDto, AgreementListDto } from './agreement-view.dto.js';
import { CancelAgreement } from './cancel-agreement.js';
import { ConfirmAgreement } from './confirm-agreement.js';
import { type Caller, CreateAgreement } from './create-agreement.js';
import { GetAgreement } from './get-agreement.js';
import type { Replayed } from './kept-answers.repository.js';
import type { KeyedRequest } from './keyed-request.js';
import { type AgreementPage, ListAgreements } from './list-agreements.js';
import { RequestResend } from './request-resend.js';
import { WithdrawAgreement } from './withdraw-agreement.js';

/** What every route may answer, whatever it does. */
const ALWAYS = ['unauthorized', 'forbidden', 'unavailable', 'internal_error'] as const;
const WITH_BODY = [
  ...(['malformed_request', 'validation_failed', 'idempotency_key_reused', 'request_in_progress'] as const),
  ...ALWAYS,
] as const;
/** What every call with a body to one agreement may be answered, and what all but a withdrawal. */
const TO_ONE = ['agreement_not_found', ...WITH_BODY] as const;
const OVER = ['already_confirmed', 'agreement_closed'] as const;

const REFERENCE = {
  name: 'reference',
  format: 'uuid',
  description: 'The reference that the creation answered with.',
  example: EXAMPLE.reference,
} as const;

/** The routes of `/v1/agreement`: each builds one command or query, and decides nothing. */
@ApiTags('agreement')
@ApiBearerAuth()
@Controller('v1/agreement')
export class AgreementController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @ApiOperation({
    operationId: 'createAgreement',
    summary: 'Ask a person for their agreement by a code to their phone or mailbox',
    description: 'Each call makes a new agreement with a code of its own, also for the same phone or address.',
  })
  @ApiBody({ type: CreateAgreementDto, description: 'Whom to ask, and for what.' })
  @ApiCreatedResponse({
    type: AgreementDto,
    description: 'Taken; the code is on its way.',
    headers: {
      Location: { description: '/v1/agreement/{reference}', schema: { type: 'string' } },
      ...RATE_LIMIT_HEADERS,
    },
  })
  @ApiProblems('phone_not_allowed', 'email_not_allowed', 'send_limit_reached', 'rate_limited', ...WITH_BODY)
  async create(
    @From() caller: Caller,
    @Traceparent() traceparent: string,
    @IdempotencyKey() keyed: KeyedRequest | null,
    @Body(InputPipe) body: CreateAgreementDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgreementView | Replayed> {
    const request = requestOf(body, this.config);
    const { answer, quotas } = await this.commands.execute(new CreateAgreement(caller, request, traceparent, keyed));
    sayQuotas(reply, quotas);
    void reply.header('Location', `/v1/agreement/${answer.reference}`);
    return answer;
  }

  @Get()
  @ApiOperation({
    operationId: 'listAgreements',
    summary: 'Your agreements, newest first',
    description: 'Filters narrow each other down. Agreements that are made meanwhile do not move the pages.',
  })
  @ApiOkResponse({ type: AgreementListDto, description: 'A page of them.' })
  @ApiProblems('validation_failed', ...ALWAYS)
  list(@Client() client: string, @Query(InputPipe) query: ListAgreementsDto): Promise<AgreementPage> {
    const filter = {
      idHash: query.id_hash,
      documentId: query.document_id,
      status: query.status,
      createdAfter: timeOf(query.created_after),
      createdBefore: timeOf(query.created_before),
      limit: Number(query.limit ?? 20),
      cursor: query.cursor,
    };
    return this.queries.execute(new ListAgreements(client, filter));
  }

  @Get(':reference')
  @ApiOperation({
    operationId: 'getAgreement',
    summary: 'One agreement',
    description: "Another client's agreement is answered like an unknown one.",
  })
  @ApiParam(REFERENCE)
  @ApiOkResponse({ type: AgreementDto, description: 'As it is now.' })
  @ApiProblems('agreement_not_found', ...ALWAYS)
  get(@Client() client: string, @Param('reference') reference: string): Promise<AgreementView> {
    return this.queries.execute(new GetAgreement(client, known(reference)));
  }

  @Post(':reference')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'confirmAgreement',
    summary: 'Confirm it with the code',
    description: 'A wrong code costs an attempt; a request that is refused for any other reason costs none.',
  })
  @ApiParam(REFERENCE)
  @ApiBody({ type: ConfirmAgreementDto, description: 'What the person typed.' })
  @ApiOkResponse({ type: AgreementDto, description: 'Confirmed. A code works once.' })
  @ApiProblems('code_not_sent_yet', 'code_invalid', 'attempts_exhausted', 'code_expired', ...OVER, ...TO_ONE)
  confirm(
    @Client() client: string,
    @Traceparent() traceparent: string,
    @IdempotencyKey() keyed: KeyedRequest | null,
    @Param('reference') reference: string,
    @Body(InputPipe) { code }: ConfirmAgreementDto,
  ): Promise<AgreementView | Replayed> {
    const { length } = this.config.otp;
    if (code.length !== length) {
      throw new Problem('validation_failed', {
        errors: [{ field: 'code', message: `must be exactly ${length} digits` }],
      });
    }
    const guess = new Secret(code);
    return this.commands.execute(new ConfirmAgreement(client, known(reference), guess, traceparent, keyed));
  }

  @Post(':reference/resend')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'resendCode',
    summary: 'Ask for a further code',
    description:
      'Possible from `resend_available_at` on, while there are `codes_left`. A further code brings further guesses, but ' +
      'the agreement takes no more failures in all.',
  })
  @ApiBody({
    schema: { type: 'object', maxProperties: 0 },
    required: false,
    description: 'Nothing, or an empty object.',
  })
  @ApiParam(REFERENCE)
  @ApiAcceptedResponse({
    type: AgreementDto,
    description:
      'A new code is on its way; the old one is good until the new one is issued. While the newest code still waits ' +
      'to be sent, nothing changes.',
    headers: RATE_LIMIT_HEADERS,
  })
  @ApiProblems('resend_too_soon', 'send_limit_reached', 'rate_limited', ...OVER, ...TO_ONE)
  async resend(
    @From() caller: Caller,
    @Traceparent() traceparent: string,
    @IdempotencyKey() keyed: KeyedRequest | null,
    @Param('reference') reference: string,
    @Body(NoFieldsPipe) _body: undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgreementView | Replayed> {
    const resend = new RequestResend(caller, known(reference), traceparent, keyed);
    const { answer, quotas } = await this.commands.execute(resend);
    sayQuotas(reply, quotas);
    return answer;
  }

  @Post(':reference/cancel')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'cancelAgreement',
    summary: 'Give up a pending agreement',
    description: 'Its code works no longer. What is confirmed cannot be cancelled, only withdrawn.',
  })
  @ApiBody({ type: ReasonDto, required: false, description: 'Nothing, or the reason.' })
  @ApiParam(REFERENCE)
  @ApiOkResponse({ type: AgreementDto, description: 'Cancelled; a second time gives the same answer.' })
  @ApiProblems(...OVER, ...TO_ONE)
  cancel(
    @Client() client: string,
    @Traceparent() traceparent: string,
    @IdempotencyKey() keyed: KeyedRequest | null,
    @Param('reference') reference: string,
    @Body(InputPipe) { reason }: ReasonDto,
  ): Promise<AgreementView | Replayed> {
    return this.commands.execute(new CancelAgreement(client, known(reference), reason ?? null, traceparent, keyed));
  }

  @Post(':reference/withdraw')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'withdrawAgreement',
    summary: 'Take a confirmed agreement back',
    description: 'Needs no code and no contact (GDPR Art. 7(3): as easy as giving it).',
  })
  @ApiBody({ type: ReasonDto, required: false, description: 'Nothing, or the reason.' })
  @ApiParam(REFERENCE)
  @ApiOkResponse({ type: AgreementDto, description: 'Withdrawn; a second time gives the same answer.' })
  @ApiProblems('not_confirmed', ...TO_ONE)
  withdraw(
    @Client() client: string,
    @Traceparent() traceparent: string,
    @IdempotencyKey() keyed: KeyedRequest | null,
    @Param('reference') reference: string,
    @Body(InputPipe) { reason }: ReasonDto,
  ): Promise<AgreementView | Replayed> {
    return this.commands.execute(new WithdrawAgreement(client, known(reference), reason ?? null, traceparent, keyed));
  }
}
