import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AgreementEntity } from './agreement.entity.js';
import type { CreateAgreementDto } from './create-agreement.dto.js';
import { OutboxEntity } from './outbox.entity.js';

const AGREEMENT_TTL = 86_400_000;

@Injectable()
export class AgreementService {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** The row and its event in one transaction, as every article about the outbox writes it. */
  async create(client: string, dto: CreateAgreementDto): Promise<AgreementEntity> {
    return this.dataSource.transaction(async (manager) => {
      const agreement = manager.create(AgreementEntity, {
        client,
        idHash: dto.id_hash,
        phone: dto.phone,
        documentId: dto.document.id,
        documentVersion: dto.document.version,
        documentSha256: dto.document.sha256,
        locale: dto.locale ?? 'ru',
        metadata: dto.metadata ?? {},
        subjectIp: dto.subject?.ip ?? null,
        subjectUserAgent: dto.subject?.user_agent ?? null,
        expiresAt: new Date(Date.now() + AGREEMENT_TTL),
      });
      await manager.save(agreement);
      const { id, idHash, expiresAt, metadata } = agreement;
      const payload = { id, client, idHash, document: dto.document, generation: 1, expiresAt, metadata };
      await manager.save(manager.create(OutboxEntity, { aggregateId: id, type: 'AgreementCreated', payload }));
      return agreement;
    });
  }
}
