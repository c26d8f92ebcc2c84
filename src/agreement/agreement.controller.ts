import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res, UsePipes } from '@nestjs/common';
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
import { ApiProblems, Client, InputPipe, NoFieldsPipe, Problem, Traceparent } from '../http/index.js';
import { ConfirmAgreementDto, CreateAgreementDto, EXAMPLE, ListAgreementsDto, ReasonDto } from './agreement.dto.js';
import { AgreementError } from './agreement.errors.js';
import type { AgreementView } from './agreement.view.js';
import { AgreementDto, AgreementListDto } from './agreement-view.dto.js';
import { CancelAgreement } from './cancel-agreement.js';
import { ConfirmAgreement } from './confirm-agreement.js';
import { type AgreementRequest, CreateAgreement } from './create-agreement.js';
import { GetAgreement } from './get-agreement.js';
import { type AgreementPage, ListAgreements } from './list-agreements.js';
import { RequestResend } from './request-resend.js';
import { WithdrawAgreement } from './withdraw-agreement.js';

/** What every route may answer, whatever it does. */
const ALWAYS = ['unauthorized', 'forbidden', 'unavailable', 'internal_error'] as const;
const WITH_BODY = ['malformed_request', 'validation_failed', ...ALWAYS] as const;
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
@UsePipes(InputPipe)
export class AgreementController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @ApiOperation({
    operationId: 'createAgreement',
    summary: 'Ask a person for their agreement by a code to their phone',
    description: 'Each call makes a new agreement with a code of its own, also for the same phone.',
  })
  @ApiBody({ type: CreateAgreementDto, description: 'Whom to ask, and for what.' })
  @ApiCreatedResponse({
    type: AgreementDto,
    description: 'Taken; the code is on its way.',
    headers: { Location: { description: '/v1/agreement/{reference}', schema: { type: 'string' } } },
  })
  @ApiProblems('phone_not_allowed', ...WITH_BODY)
  async create(
    @Client() client: string,
    @Traceparent() traceparent: string,
    @Body() body: CreateAgreementDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgreementView> {
    const agreement = await this.commands.execute(new CreateAgreement(client, this.#requestOf(body), traceparent));
    void reply.header('Location', `/v1/agreement/${agreement.reference}`);
    return agreement;
  }

  @Get()
  @ApiOperation({
    operationId: 'listAgreements',
    summary: 'Your agreements, newest first',
    description: 'Filters narrow each other down. Agreements that are made meanwhile do not move the pages.',
  })
  @ApiOkResponse({ type: AgreementListDto, description: 'A page of them.' })
  @ApiProblems('validation_failed', ...ALWAYS)
  list(@Client() client: string, @Query() query: ListAgreementsDto): Promise<AgreementPage> {
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
    @Param('reference') reference: string,
    @Body() { code }: ConfirmAgreementDto,
  ): Promise<AgreementView> {
    const { length } = this.config.otp;
    if (code.length !== length) {
      throw new Problem('validation_failed', {
        errors: [{ field: 'code', message: `must be exactly ${length} digits` }],
      });
    }
    return this.commands.execute(new ConfirmAgreement(client, known(reference), code, traceparent));
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
  })
  @ApiProblems('resend_too_soon', 'send_limit_reached', ...OVER, ...TO_ONE)
  resend(
    @Client() client: string,
    @Traceparent() traceparent: string,
    @Param('reference') reference: string,
    @Body(NoFieldsPipe) _body: undefined,
  ): Promise<AgreementView> {
    return this.commands.execute(new RequestResend(client, known(reference), traceparent));
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
    @Param('reference') reference: string,
    @Body() { reason }: ReasonDto,
  ): Promise<AgreementView> {
    return this.commands.execute(new CancelAgreement(client, known(reference), reason ?? null, traceparent));
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
    @Param('reference') reference: string,
    @Body() { reason }: ReasonDto,
  ): Promise<AgreementView> {
    return this.commands.execute(new WithdrawAgreement(client, known(reference), reason ?? null, traceparent));
  }

  #requestOf(body: CreateAgreementDto): AgreementRequest {
    const { subject = {}, metadata = {}, locale = 'ru' } = body;
    const document = body.document ?? this.config.documentDefault;
    if (!document) {
      throw new Problem('validation_failed', {
        errors: [{ field: 'document', message: 'is needed: there is no default' }],
      });
    }
    const { id, version, sha256 } = document;
    return {
      idHash: body.id_hash,
      phone: body.phone,
      document: { id, version, sha256: sha256.toLowerCase() },
      locale,
      metadata,
      subject: {
        ip: subject.ip ?? null,
        userAgent: subject.user_agent ?? null,
        shownAt: timeOf(subject.shown_at) ?? null,
      },
    };
  }
}

/** What cannot be a reference is an unknown one; anything else would tell the two apart. */
function known(reference: string): string {
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(reference)) return reference.toLowerCase();
  throw new AgreementError({ code: 'agreement_not_found' });
}

function timeOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
