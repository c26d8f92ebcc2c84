import { Controller, Get, Header, Inject, Query, Req, Res, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/index.js';
import { ApiProblems, IfGiven, InputPipe, IsText } from '../http/index.js';
import { ifChanged } from './sandbox/if-changed.js';
import { addressOf, numberOf } from './sandbox/recipient.js';
import { NEWEST } from './sandbox/switches.sql.js';

class SandboxQueryDto {
  @ApiPropertyOptional({ example: '+79161234567', description: 'Only those to this number, as callers write it.' })
  @IfGiven()
  @IsText(1, 64)
  phone?: string;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 320,
    description: 'Only those to this address, as callers write it, in whatever case.',
  })
  @IfGiven()
  @IsText(1, 320)
  email?: string;
}

class SandboxMessageDto {
  @ApiProperty({ format: 'uuid', description: 'Of the text: the same for every try of one code.' })
  id!: string;

  @ApiProperty({ format: 'uuid', description: 'Of the agreement.' })
  reference!: string;

  @ApiProperty({ example: '+79161234567', description: 'The number, in E.164, or the address.' })
  to!: string;

  @ApiProperty({ description: 'What the person would read, with the code.' })
  text!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When it would have gone out.' })
  sent_at!: Date;

  @ApiProperty({ required: false, enum: ['sms', 'email'], description: 'How it would have gone out.' })
  channel?: string;

  @ApiProperty({ type: String, required: false, nullable: true, description: 'Of a mail.' })
  subject?: string | null;

  @ApiProperty({ type: String, required: false, nullable: true, description: 'The HTML part of a mail.' })
  html?: string | null;

  @ApiProperty({
    required: false,
    enum: ['sent', 'undelivered'],
    description: 'undelivered: the person would not have it, because the switch was on.',
  })
  delivery?: string;
}

class SandboxMessagesDto {
  @ApiProperty({ type: [SandboxMessageDto], description: 'Newest first.' })
  messages!: SandboxMessageDto[];
}

/** What the sandbox provider would have sent. Not there in production. */
@ApiTags('sandbox')
@Controller('sandbox')
@UsePipes(InputPipe)
export class SandboxController {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get('messages')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'listSandboxMessages',
    summary: 'The newest 100 texts and mails, newest first',
    description:
      'What would have been sent, codes included; under an ETag. Not there in production. As a phone: `/sandbox`.',
  })
  @ApiOkResponse({ type: SandboxMessagesDto, description: 'The texts.' })
  @ApiResponse({ status: 304, description: 'Nothing else than what If-None-Match names.' })
  @ApiProblems('validation_failed', 'forbidden', 'unavailable', 'internal_error')
  async messages(
    @Query() { phone, email }: SandboxQueryDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SandboxMessagesDto | undefined> {
    const { defaultRegion } = this.config.phone;
    const values = [numberOf(phone, defaultRegion), addressOf(email), phone === undefined && email === undefined];
    return ifChanged({ messages: await this.database.query<SandboxMessageDto>(NEWEST, values) }, request, reply);
  }
}
