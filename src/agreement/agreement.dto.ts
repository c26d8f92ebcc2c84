import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsIP, IsObject, IsUUID, Matches } from 'class-validator';
import { IfGiven, InsteadOf, IsCount, IsMetadata, IsText, IsTime, NeededUnless } from '../http/index.js';

export const STATUSES = ['pending', 'confirmed', 'rejected', 'expired', 'cancelled', 'withdrawn'] as const;

/** Values that agree with each other wherever the document shows them. */
export const EXAMPLE = {
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  idHash: '0b6f1f6f2c5a4d0e',
  documentId: 'privacy-policy',
  documentVersion: '2026-01',
  sha256: '5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5',
  time: '2026-01-31T12:00:00.000Z',
};

/** The names of documents and of their versions. */
const NAME = { pattern: '^[A-Za-z0-9._-]{1,64}$' };
const IsName = (): PropertyDecorator =>
  Matches(new RegExp(NAME.pattern), { message: 'must be 1 to 64 of the characters A-Z a-z 0-9 . _ -' });

const ID_HASH = { pattern: '^[\\x21-\\x7e]{1,256}$', example: EXAMPLE.idHash };
const IsIdHash = (): PropertyDecorator =>
  Matches(new RegExp(ID_HASH.pattern), { message: 'must be 1 to 256 visible ASCII characters' });

export class DocumentDto {
  @ApiProperty({ ...NAME, example: EXAMPLE.documentId, description: 'Your name of the document.' })
  @IsName()
  id!: string;

  @ApiProperty({ ...NAME, example: EXAMPLE.documentVersion, description: 'Your name of its version.' })
  @IsName()
  version!: string;

  @ApiProperty({
    pattern: '^[0-9a-fA-F]{64}$',
    example: EXAMPLE.sha256,
    description: 'SHA-256 of the exact bytes that the person was shown, in hex. Kept in lower case.',
  })
  @Matches(/^[0-9a-fA-F]{64}$/, { message: 'must be 64 hex digits' })
  sha256!: string;
}

export class SubjectDto {
  @ApiPropertyOptional({ example: '203.0.113.7', description: 'The address that the person came from.' })
  @IfGiven()
  @IsIP(undefined, { message: 'must be an IP address' })
  ip?: string;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 1000,
    example: 'Mozilla/5.0',
    description: 'The User-Agent of their browser or app.',
  })
  @IfGiven()
  @IsText(1, 1000)
  user_agent?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    example: EXAMPLE.time,
    description: 'When the person was shown the document.',
  })
  @IfGiven()
  @IsTime()
  shown_at?: string;
}

export class CreateAgreementDto {
  @ApiProperty({ ...ID_HASH, description: "Your hash of the person's identifier, best an HMAC; kept as given." })
  @IsIdHash()
  id_hash!: string;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 64,
    example: '+7 916 123-45-67',
    description:
      'E.164; spaces and punctuation are tolerated. National only where PHONE_DEFAULT_REGION is set. Either this or `email`.',
  })
  @NeededUnless('email')
  @IsText(1, 64)
  phone?: string;

  // No example: Swagger UI would send both.
  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 320,
    description: 'Instead of `phone`: name@example.com, the domain in any script. Where the service mails.',
  })
  @InsteadOf('phone')
  @IsText(1, 320)
  email?: string;

  @ApiPropertyOptional({
    type: DocumentDto,
    description: 'What the person was shown. May be left out only where the service has a DOCUMENT_DEFAULT.',
  })
  @IfGiven()
  @IsObject({ message: 'must be an object' })
  document?: DocumentDto;

  @ApiPropertyOptional({ enum: ['ru', 'en'], default: 'ru', description: 'The language of the text.' })
  @IfGiven()
  @IsText(1, 35)
  locale?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', maxLength: 500 },
    maxProperties: 20,
    example: { order: '1042' },
    description: 'Given back as it came, also in events. Keys to 40 characters. No personal data.',
  })
  @IfGiven()
  @IsMetadata()
  metadata?: Record<string, string>;

  @ApiPropertyOptional({ type: SubjectDto, description: 'Evidence that cannot be had later.' })
  @IfGiven()
  @IsObject({ message: 'must be an object' })
  subject?: SubjectDto;
}

export class ConfirmAgreementDto {
  @ApiProperty({ pattern: '^[0-9]{6,10}$', example: '042137', description: 'Exactly OTP_LENGTH ASCII digits.' })
  @Matches(/^[0-9]{6,10}$/, { message: 'must be the digits of the code' })
  code!: string;
}

export class ReasonDto {
  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 500,
    example: 'asked for by the person',
    description: 'Goes over into `close_reason` and the event. No personal data.',
  })
  @IfGiven()
  @IsText(1, 500)
  reason?: string;
}

export class ListAgreementsDto {
  @ApiPropertyOptional({ ...ID_HASH, description: 'Those of one person.' })
  @IfGiven()
  @IsIdHash()
  id_hash?: string;

  @ApiPropertyOptional({ ...NAME, example: EXAMPLE.documentId, description: 'Those to one document, in any version.' })
  @IfGiven()
  @IsName()
  document_id?: string;

  @ApiPropertyOptional({ enum: STATUSES, description: 'Those in one status.' })
  @IfGiven()
  @IsIn(STATUSES, { message: `must be one of ${STATUSES.join(', ')}` })
  status?: (typeof STATUSES)[number];

  // No examples of times and cursors: Swagger UI would send them, and the list would be empty.
  @ApiPropertyOptional({ format: 'date-time', description: 'Made at this time or later, 2026-01-31T12:00:00Z.' })
  @IfGiven()
  @IsTime()
  created_after?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Made before this time, 2026-01-31T12:00:00Z.' })
  @IfGiven()
  @IsTime()
  created_before?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'How many to a page.' })
  @IfGiven()
  @IsCount(1, 100)
  limit?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'The `next_cursor` of the page before.' })
  @IfGiven()
  @IsUUID(undefined, { message: 'must be a next_cursor' })
  cursor?: string;
}
