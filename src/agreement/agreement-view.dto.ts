import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE, STATUSES } from './agreement.dto.js';

const DELIVERIES = ['queued', 'sent', 'delivered', 'undelivered', 'failed'] as const;

const nullable = { nullable: true } as const;
const time = { type: String, format: 'date-time', example: EXAMPLE.time } as const;

/** The document as the service gives it back: open to fields to come, unlike the one that it takes. */
export class AgreedDocumentDto {
  @ApiProperty({ example: EXAMPLE.documentId, description: 'Your name of the document.' })
  id!: string;

  @ApiProperty({ example: EXAMPLE.documentVersion, description: 'Your name of its version.' })
  version!: string;

  @ApiProperty({ pattern: '^[0-9a-f]{64}$', example: EXAMPLE.sha256, description: 'SHA-256 of its bytes, in hex.' })
  sha256!: string;
}

export class AgreementDto {
  @ApiProperty({ format: 'uuid', example: EXAMPLE.reference, description: 'Names the agreement. UUIDv7.' })
  reference!: string;

  @ApiProperty({ example: EXAMPLE.idHash, description: "Your hash of the person's identifier." })
  id_hash!: string;

  @ApiProperty({
    type: String,
    ...nullable,
    example: '+7916•••••67',
    description: 'Masked; null with an e-mail address, and once it was purged.',
  })
  phone!: string | null;

  @ApiProperty({
    type: String,
    ...nullable,
    example: null,
    description: 'Masked, `i•••@e•••••.com`; null with a phone, and once it was purged.',
  })
  email!: string | null;

  @ApiProperty({ type: AgreedDocumentDto, description: 'What the person was shown.' })
  document!: AgreedDocumentDto;

  @ApiProperty({ enum: ['ru', 'en'], example: 'ru', description: 'The language of the text.' })
  locale!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { order: '1042' },
    description: 'As it came with the creation.',
  })
  metadata!: Record<string, string>;

  @ApiProperty({ example: false, description: 'Whether the contact is a test number.' })
  test!: boolean;

  @ApiProperty({
    enum: STATUSES,
    example: 'pending',
    description: 'Confirmed lasts until withdrawn; rejected, expired, cancelled and withdrawn are final.',
  })
  status!: (typeof STATUSES)[number];

  @ApiProperty({
    enum: DELIVERIES,
    example: 'queued',
    description:
      'Of the newest code: queued (not handed over yet), sent (a provider took it), delivered or undelivered ' +
      '(a receipt said so), failed (never handed over and never will be).',
  })
  delivery!: (typeof DELIVERIES)[number];

  @ApiProperty({
    type: String,
    ...nullable,
    example: null,
    description:
      'Why delivery failed (refused, unknown, expired, superseded, closed), or what the provider last said while queued.',
  })
  delivery_reason!: string | null;

  @ApiProperty({ type: 'integer', ...nullable, example: 3, description: 'Wrong guesses still allowed for this code.' })
  attempts_left!: number | null;

  @ApiProperty({ type: 'integer', ...nullable, example: 4, description: 'Codes that can still be asked for.' })
  codes_left!: number | null;

  @ApiProperty({ ...time, ...nullable, description: 'Null where no further code can be asked for.' })
  resend_available_at!: Date | null;

  @ApiProperty({ ...time, ...nullable, description: 'Null before a code was issued.' })
  code_expires_at!: Date | null;

  @ApiProperty({ ...time, ...nullable, description: 'When a pending agreement expires, or an expired one did.' })
  expires_at!: Date | null;

  @ApiProperty({ ...time, description: 'When it was asked for.' })
  created_at!: Date;

  @ApiProperty({ ...time, ...nullable, example: null, description: 'When the right code came.' })
  confirmed_at!: Date | null;

  @ApiProperty({ ...time, ...nullable, example: null, description: 'When it was taken back.' })
  withdrawn_at!: Date | null;

  @ApiProperty({ ...time, ...nullable, example: null, description: 'When it reached a final status.' })
  closed_at!: Date | null;

  @ApiProperty({
    type: String,
    ...nullable,
    example: null,
    description: 'failures_exhausted, expired, or the reason given with cancel or withdraw.',
  })
  close_reason!: string | null;
}

export class AgreementListDto {
  @ApiProperty({ type: [AgreementDto], description: 'Newest first.' })
  items!: AgreementDto[];

  @ApiProperty({
    type: String,
    ...nullable,
    example: EXAMPLE.reference,
    description: 'For the page after; null on the last one.',
  })
  next_cursor!: string | null;
}
