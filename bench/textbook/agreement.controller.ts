import { Body, Controller, Get, Inject, Post, UseGuards } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AgreementEntity } from './agreement.entity.js';
import { AgreementService } from './agreement.service.js';
import { ApiKeyGuard } from './api-key.guard.js';
import { CreateAgreementDto } from './create-agreement.dto.js';

@Controller()
export class AgreementController {
  constructor(
    private readonly agreements: AgreementService,
    @Inject(DataSource) private readonly dataSource: DataSource,
  ) {}

  @Post('v1/agreement')
  @UseGuards(ApiKeyGuard)
  create(@Body() dto: CreateAgreementDto): Promise<AgreementEntity> {
    return this.agreements.create('bench', dto);
  }

  @Get('health/ready')
  async ready(): Promise<{ status: string }> {
    await this.dataSource.query('SELECT 1');
    return { status: 'ok' };
  }
}
