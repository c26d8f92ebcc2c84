import { Column, CreateDateColumn, Entity, Index, PrimaryGeneratedColumn, UpdateDateColumn } from 'typeorm';

@Entity('agreement')
@Index(['client', 'id'])
@Index(['client', 'idHash'])
@Index(['expiresAt'])
export class AgreementEntity {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column()
  client!: string;

  @Column({ name: 'id_hash' })
  idHash!: string;

  @Column({ default: 'sms' })
  channel!: string;

  @Column()
  phone!: string;

  @Column({ name: 'document_id' })
  documentId!: string;

  @Column({ name: 'document_version' })
  documentVersion!: string;

  @Column({ name: 'document_sha256' })
  documentSha256!: string;

  @Column({ default: 'ru' })
  locale!: string;

  @Column({ type: 'jsonb', default: {} })
  metadata!: Record<string, string>;

  @Column({ name: 'subject_ip', type: 'varchar', nullable: true })
  subjectIp!: string | null;

  @Column({ name: 'subject_user_agent', type: 'varchar', nullable: true })
  subjectUserAgent!: string | null;

  @Column({ default: 'pending' })
  status!: string;

  @Column({ default: 1 })
  generation!: number;

  @Column({ default: 0 })
  attempts!: number;

  @Column({ name: 'code_hash', type: 'varchar', nullable: true })
  codeHash!: string | null;

  @Column({ name: 'code_expires_at', type: 'timestamptz', nullable: true })
  codeExpiresAt!: Date | null;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;

  @Column({ name: 'confirmed_at', type: 'timestamptz', nullable: true })
  confirmedAt!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
