import { Controller, Get, Header, Query, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { Database, type Statement } from '../database/index.js';
import { ApiProblems, IfGiven, InputPipe, IsText } from '../http/index.js';

class SandboxQueryDto {
  @ApiPropertyOptional({ example: '+79161234567', description: 'Only those to this number, in E.164.' })
  @IfGiven()
  @IsText(1, 64)
  phone?: string;
}

class SandboxMessageDto {
  @ApiProperty({ format: 'uuid', description: 'Of the text: the same for every try of one code.' })
  id!: string;

  @ApiProperty({ format: 'uuid', description: 'Of the agreement.' })
  reference!: string;

  @ApiProperty({ example: '+79161234567', description: 'The number, in E.164.' })
  to!: string;

  @ApiProperty({ description: 'What the person would read, with the code.' })
  text!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'When it would have gone out.' })
  sent_at!: Date;
}

class SandboxMessagesDto {
  @ApiProperty({ type: [SandboxMessageDto], description: 'Newest first.' })
  messages!: SandboxMessageDto[];
}

const NEWEST: Statement = {
  name: 'sandbox_newest',
  text: `
    SELECT id, reference, phone AS "to", text, sent_at FROM sandbox_message
    WHERE $1::text IS NULL OR phone = $1 ORDER BY sent_at DESC, id DESC LIMIT 100`,
};

/** What the sandbox provider would have sent. Not there in production. */
@ApiTags('sandbox')
@Controller('sandbox')
@UsePipes(InputPipe)
export class SandboxController {
  constructor(private readonly database: Database) {}

  @Get('messages')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'listSandboxMessages',
    summary: 'The newest 100 texts, newest first',
    description: 'What would have been sent, codes included. Not there in production.',
  })
  @ApiOkResponse({ type: SandboxMessagesDto, description: 'The texts.' })
  @ApiProblems('validation_failed', 'forbidden', 'unavailable', 'internal_error')
  async messages(@Query() { phone }: SandboxQueryDto): Promise<SandboxMessagesDto> {
    return { messages: await this.database.query<SandboxMessageDto>(NEWEST, [phone ?? null]) };
  }
}
