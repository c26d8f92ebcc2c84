import { EntitySchema } from 'typeorm';

/** A row of the table `agreement`: the columns by their names, as plain SQL and TypeORM both return them. */
export interface AgreementRow {
  reference: string;
  client: string;
  id_hash: string;
  channel: 'sms' | 'email';
  contact: string | null;
  contact_hash: Buffer;
  contact_key_id: string;
  country: string | null;
  document_id: string;
  document_version: string;
  document_sha256: string;
  locale: string;
  metadata: Record<string, string>;
  subject_ip: string | null;
  subject_user_agent: string | null;
  subject_shown_at: Date | null;
  test: boolean;
  status: 'pending' | 'confirmed' | 'rejected' | 'expired' | 'cancelled' | 'withdrawn';
  version: number;
  /** Events so far; the next one takes the next number. */
  sequence: number;
  generation: number;
  requested_at: Date;
  failures: number;
  code_generation: number | null;
  code_key_id: string | null;
  code_nonce: Buffer | null;
  code_hash: Buffer | null;
  code_issued_at: Date | null;
  code_expires_at: Date | null;
  code_failures: number | null;
  created_at: Date;
  expires_at: Date;
  confirmed_at: Date | null;
  closed_at: Date | null;
  close_reason: string | null;
}

const text = { type: 'text' } as const;
const optionalText = { type: 'text', nullable: true } as const;
const integer = { type: 'integer' } as const;
const optionalInteger = { type: 'integer', nullable: true } as const;
const time = { type: 'timestamptz' } as const;
const optionalTime = { type: 'timestamptz', nullable: true } as const;
const optionalBytes = { type: 'bytea', nullable: true } as const;

/** The table as TypeORM sees it: for reading, and for `npm run migration:generate` to compare with. */
export const agreementSchema = new EntitySchema<AgreementRow>({
  name: 'agreement',
  columns: {
    reference: { type: 'uuid', primary: true, primaryKeyConstraintName: 'agreement_pkey' },
    client: text,
    id_hash: text,
    channel: text,
    contact: optionalText,
    contact_hash: { type: 'bytea' },
    contact_key_id: text,
    country: optionalText,
    document_id: text,
    document_version: text,
    document_sha256: text,
    locale: text,
    metadata: { type: 'jsonb' },
    subject_ip: optionalText,
    subject_user_agent: optionalText,
    subject_shown_at: optionalTime,
    test: { type: 'boolean' },
    status: text,
    version: integer,
    sequence: integer,
    generation: integer,
    requested_at: time,
    failures: integer,
    code_generation: optionalInteger,
    code_key_id: optionalText,
    code_nonce: optionalBytes,
    code_hash: optionalBytes,
    code_issued_at: optionalTime,
    code_expires_at: optionalTime,
    code_failures: optionalInteger,
    created_at: time,
    expires_at: time,
    confirmed_at: optionalTime,
    closed_at: optionalTime,
    close_reason: optionalText,
  },
  indices: [
    { name: 'agreement_client', columns: ['client', 'reference'] },
    { name: 'agreement_id_hash', columns: ['client', 'id_hash', 'reference'] },
    { name: 'agreement_expires_at', columns: ['expires_at'] },
    { name: 'agreement_closed_at', columns: ['closed_at', 'reference'], where: 'closed_at IS NOT NULL' },
  ],
  checks: [
    {
      name: 'agreement_status_check',
      expression: `status IN ('pending', 'confirmed', 'rejected', 'expired', 'cancelled', 'withdrawn')`,
    },
    { name: 'agreement_code_check', expression: `status = 'pending' OR code_nonce IS NULL` },
  ],
});
