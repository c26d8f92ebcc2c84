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
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uuid' })
  reference!: string;

  @ApiProperty({ example: '+79161234567' })
  to!: string;

  @ApiProperty()
  text!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  sent_at!: Date;
}

class SandboxMessagesDto {
  @ApiProperty({ type: [SandboxMessageDto] })
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
  @ApiOperation({ operationId: 'listSandboxMessages', summary: 'The newest 100 texts, newest first' })
  @ApiOkResponse({ type: SandboxMessagesDto })
  @ApiProblems('validation_failed', 'unavailable', 'internal_error')
  async messages(@Query() { phone }: SandboxQueryDto): Promise<SandboxMessagesDto> {
    return { messages: await this.database.query<SandboxMessageDto>(NEWEST, [phone ?? null]) };
  }
}
