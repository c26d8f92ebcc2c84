import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Health } from './health.js';

/** The answer of both probes. */
export class HealthDto {
  @ApiProperty({ enum: ['ok', 'not_ready'], example: 'ok', description: 'Whether to send requests here.' })
  status!: 'ok' | 'not_ready';

  @ApiProperty({
    type: [String],
    required: false,
    example: ['database'],
    description: 'What the process waits for: database, kafka, or stopping.',
  })
  waiting_for?: string[];
}

/** What an orchestrator asks: whether to restart the process, and whether to send it requests. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('live')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ operationId: 'getLiveness', summary: 'The process runs', description: 'Restart it when this fails.' })
  @ApiOkResponse({ type: HealthDto, description: 'It does.' })
  live(): HealthDto {
    return { status: 'ok' };
  }

  @Get('ready')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'The process can do its work',
    description:
      'PostgreSQL answers, Kafka was reached once where this process needs it, and it is not shutting down. ' +
      'A Kafka that goes away later changes nothing here: agreements are still taken, their events wait.',
  })
  @ApiOkResponse({ type: HealthDto, description: 'Ready.' })
  @ApiServiceUnavailableResponse({ type: HealthDto, description: 'Not ready; waiting_for says why.' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthDto> {
    const waitingFor = await this.health.notReady();
    if (waitingFor.length === 0) return { status: 'ok' };
    void reply.status(503);
    return { status: 'not_ready', waiting_for: waitingFor };
  }
}
