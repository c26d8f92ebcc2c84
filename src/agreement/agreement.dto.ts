import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { IsIn, IsInt, IsIP, IsObject, IsUUID, Matches, Max, Min, ValidateNested } from 'class-validator';
import { IfGiven, IsMetadata, IsText, IsTime } from '../http/index.js';

const STATUSES = ['pending', 'confirmed', 'rejected', 'expired', 'cancelled', 'withdrawn'] as const;
const DELIVERIES = ['queued', 'sent', 'delivered', 'undelivered', 'failed'] as const;

const EXAMPLE = {
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  sha256: '5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5',
  time: '2026-01-31T12:00:00.000Z',
};

const lowerCase = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.toLowerCase() : value);

export class DocumentDto {
  @ApiProperty({ pattern: '^[A-Za-z0-9._-]{1,64}$', example: 'privacy-policy' })
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: 'must be 1 to 64 of the characters A-Z a-z 0-9 . _ -' })
  id!: string;

  @ApiProperty({ pattern: '^[A-Za-z0-9._-]{1,64}$', example: '2026-01' })
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: 'must be 1 to 64 of the characters A-Z a-z 0-9 . _ -' })
  version!: string;

  @ApiProperty({
    pattern: '^[0-9a-fA-F]{64}$',
    example: EXAMPLE.sha256,
    description: 'SHA-256 of the exact bytes that the person was shown, in hex. Kept in lower case.',
  })
  @Transform(lowerCase)
  @Matches(/^[0-9a-f]{64}$/, { message: 'must be 64 hex digits' })
  sha256!: string;
}

export class SubjectDto {
  @ApiPropertyOptional({ example: '203.0.113.7', description: 'The address that the person came from.' })
  @IfGiven()
  @IsIP(undefined, { message: 'must be an IP address' })
  ip?: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: 1000, example: 'Mozilla/5.0' })
  @IfGiven()
  @IsText(1, 1000)
  user_agent?: string;

  @ApiPropertyOptional({ format: 'date-time', example: EXAMPLE.time, description: 'When the person was shown the document.' })
  @IfGiven()
  @IsTime()
  shown_at?: string;
}

export class CreateAgreementDto {
  @ApiProperty({
    pattern: '^[\\x21-\\x7e]{1,256}$',
    example: '0b6f1f6f2c5a4d0e',
    description: "Your hash of the person's identifier, best an HMAC; kept as given.",
  })
  @Matches(/^[\x21-\x7e]{1,256}$/, { message: 'must be 1 to 256 visible ASCII characters' })
  id_hash!: string;

  @ApiProperty({
    minLength: 1,
    maxLength: 64,
    example: '+7 916 123-45-67',
    description: 'E.164; spaces and punctuation are tolerated. National only where PHONE_DEFAULT_REGION is set.',
  })
  @IsText(1, 64)
  phone!: string;

  @ApiPropertyOptional({
    type: DocumentDto,
    description: 'What the person was shown. May be left out only where the service has a DOCUMENT_DEFAULT.',
  })
  @IfGiven()
  @IsObject({ message: 'must be an object' })
  @ValidateNested()
  @Type(() => DocumentDto)
  document?: DocumentDto;

  @ApiPropertyOptional({ enum: ['ru', 'en'], default: 'ru', description: 'The language of the text.' })
  @IfGiven()
  @IsIn(['ru', 'en'], { message: 'must be ru or en' })
  locale?: 'ru' | 'en';

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', maxLength: 500 },
    maxProperties: 20,
    example: { order: '1042' },
    description: 'Given back as it came, also in events. Keys to 40 characters. No personal data.',
  })
  @IfGiven()
  // As it came: class-transformer would drop keys such as `constructor`.
  @Transform(({ obj }: { obj: { metadata?: unknown } }) => obj.metadata)
  @IsMetadata()
  metadata?: Record<string, string>;

  @ApiPropertyOptional({ type: SubjectDto, description: 'Evidence that cannot be had later.' })
  @IfGiven()
  @IsObject({ message: 'must be an object' })
  @ValidateNested()
  @Type(() => SubjectDto)
  subject?: SubjectDto;
}

export class ConfirmAgreementDto {
  @ApiProperty({ pattern: '^[0-9]{6,10}$', example: '042137', description: 'Exactly OTP_LENGTH ASCII digits.' })
  @Matches(/^[0-9]{6,10}$/, { message: 'must be the digits of the code' })
  code!: string;
}

export class ReasonDto {
  @ApiPropertyOptional({ minLength: 1, maxLength: 500, example: 'asked for by the person' })
  @IfGiven()
  @IsText(1, 500)
  reason?: string;
}

export class ListAgreementsDto {
  @ApiPropertyOptional({ example: '0b6f1f6f2c5a4d0e' })
  @IfGiven()
  @Matches(/^[\x21-\x7e]{1,256}$/, { message: 'must be 1 to 256 visible ASCII characters' })
  id_hash?: string;

  @ApiPropertyOptional({ example: 'privacy-policy' })
  @IfGiven()
  @Matches(/^[A-Za-z0-9._-]{1,64}$/, { message: 'must be 1 to 64 of the characters A-Z a-z 0-9 . _ -' })
  document_id?: string;

  @ApiPropertyOptional({ enum: STATUSES })
  @IfGiven()
  @IsIn(STATUSES, { message: `must be one of ${STATUSES.join(', ')}` })
  status?: (typeof STATUSES)[number];

  @ApiPropertyOptional({ format: 'date-time', example: EXAMPLE.time, description: 'Inclusive.' })
  @IfGiven()
  @IsTime()
  created_after?: string;

  @ApiPropertyOptional({ format: 'date-time', example: EXAMPLE.time, description: 'Exclusive.' })
  @IfGiven()
  @IsTime()
  created_before?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 100, default: 20 })
  @IfGiven()
  @Transform(({ value }: { value: unknown }) => (/^\d{1,9}$/.test(String(value)) ? Number(value) : value))
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(100, { message: 'must be at most 100' })
  limit?: number;

  @ApiPropertyOptional({ example: EXAMPLE.reference, description: 'The next_cursor of the page before.' })
  @IfGiven()
  @IsUUID(undefined, { message: 'must be a next_cursor' })
  cursor?: string;
}

const nullable = { nullable: true } as const;
const time = { type: String, format: 'date-time', example: EXAMPLE.time } as const;

export class AgreementDto {
  @ApiProperty({ format: 'uuid', example: EXAMPLE.reference, description: 'UUIDv7.' })
  reference!: string;

  @ApiProperty({ example: '0b6f1f6f2c5a4d0e' })
  id_hash!: string;

  @ApiProperty({ type: String, ...nullable, example: '+7916•••••67', description: 'Masked; null once it was purged.' })
  phone!: string | null;

  @ApiProperty({ type: DocumentDto })
  document!: DocumentDto;

  @ApiProperty({ enum: ['ru', 'en'], example: 'ru' })
  locale!: 'ru' | 'en';

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: { order: '1042' } })
  metadata!: Record<string, string>;

  @ApiProperty({ example: false, description: 'Whether the contact is a test number.' })
  test!: boolean;

  @ApiProperty({ enum: STATUSES, example: 'pending' })
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

  @ApiProperty(time)
  created_at!: Date;

  @ApiProperty({ ...time, ...nullable, example: null })
  confirmed_at!: Date | null;

  @ApiProperty({ ...time, ...nullable, example: null })
  withdrawn_at!: Date | null;

  @ApiProperty({ ...time, ...nullable, example: null })
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
  @ApiProperty({ type: [AgreementDto] })
  items!: AgreementDto[];

  @ApiProperty({ type: String, ...nullable, example: EXAMPLE.reference, description: 'Null on the last page.' })
  next_cursor!: string | null;
}
