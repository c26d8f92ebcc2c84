import { Body, Controller, Get, Header, Put, Req, Res, UseGuards, UsePipes } from '@nestjs/common';
import {
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Database } from '../../database/index.js';
import { ApiProblems, IfGiven, InputPipe } from '../../http/index.js';
import { ifChanged } from './if-changed.js';
import { SameOriginGuard } from './same-origin.guard.js';
import { SLOW_BY, SWITCH, SWITCHES } from './switches.sql.js';

const UNDELIVERED = 'Texts are taken, and a receipt says that they did not arrive.';
const SLOW = `Texts are taken at once and arrive ${SLOW_BY} seconds later.`;
const DOWN = 'Nothing is taken: texts wait, and arrive when it is off again.';

class SandboxSwitchesDto {
  @ApiProperty({ description: UNDELIVERED })
  undelivered!: boolean;

  @ApiProperty({ description: SLOW })
  slow!: boolean;

  @ApiProperty({ description: DOWN })
  down!: boolean;
}

class SetSandboxSwitchesDto {
  @ApiPropertyOptional({ description: UNDELIVERED, example: false })
  @IfGiven()
  @IsBoolean()
  undelivered?: boolean;

  @ApiPropertyOptional({ description: SLOW, example: false })
  @IfGiven()
  @IsBoolean()
  slow?: boolean;

  @ApiPropertyOptional({ description: DOWN, example: false })
  @IfGiven()
  @IsBoolean()
  down?: boolean;
}

const ALL_OFF: SandboxSwitchesDto = { undelivered: false, slow: false, down: false };

/** What the sandbox provider plays, so that callers can see what they make of it. Not there in production. */
@ApiTags('sandbox')
@Controller('sandbox')
@UsePipes(InputPipe)
export class SwitchesController {
  constructor(private readonly database: Database) {}

  @Get('switches')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'getSandboxSwitches',
    summary: 'How the provider behaves',
    description: 'What the sandbox provider plays; under an ETag. Not there in production.',
  })
  @ApiOkResponse({ type: SandboxSwitchesDto, description: 'The switches.' })
  @ApiResponse({ status: 304, description: 'Nothing else than what If-None-Match names.' })
  @ApiProblems('forbidden', 'unavailable', 'internal_error')
  async switches(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SandboxSwitchesDto | undefined> {
    const [switches] = await this.database.query<SandboxSwitchesDto>(SWITCHES, []);
    return ifChanged(switches ?? ALL_OFF, request, reply);
  }

  @Put('switches')
  @UseGuards(SameOriginGuard)
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'setSandboxSwitches',
    summary: 'Let the provider behave badly',
    description:
      'For all texts and mails that are sent from now on. A switch that is not named stays as it is. ' +
      'Pages of other origins may not do this. Not there in production.',
  })
  @ApiBody({ type: SetSandboxSwitchesDto, required: false, description: 'Those to set.' })
  @ApiOkResponse({ type: SandboxSwitchesDto, description: 'The switches, as they stand now.' })
  @ApiProblems('malformed_request', 'validation_failed', 'forbidden', 'unavailable', 'internal_error')
  async set(@Body() { undelivered, slow, down }: SetSandboxSwitchesDto): Promise<SandboxSwitchesDto> {
    const values = [undelivered, slow, down].map((value) => value ?? null);
    const [switches] = await this.database.query<SandboxSwitchesDto>(SWITCH, values);
    return switches ?? ALL_OFF;
  }
}
