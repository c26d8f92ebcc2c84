import { Type } from 'class-transformer';
import {
  IsIn,
  IsIP,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsPhoneNumber,
  IsString,
  Matches,
  MaxLength,
  ValidateNested,
} from 'class-validator';

export class DocumentDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(64)
  id!: string;

  @IsString()
  @IsNotEmpty()
  @MaxLength(64)
  version!: string;

  @Matches(/^[0-9a-f]{64}$/)
  sha256!: string;
}

export class SubjectDto {
  @IsOptional()
  @IsIP()
  ip?: string;

  @IsOptional()
  @IsString()
  @MaxLength(1000)
  user_agent?: string;
}

export class CreateAgreementDto {
  @IsString()
  @IsNotEmpty()
  @MaxLength(256)
  id_hash!: string;

  @IsPhoneNumber()
  phone!: string;

  @ValidateNested()
  @Type(() => DocumentDto)
  document!: DocumentDto;

  @IsOptional()
  @IsIn(['ru', 'en'])
  locale?: 'ru' | 'en';

  @IsOptional()
  @IsObject()
  metadata?: Record<string, string>;

  @IsOptional()
  @ValidateNested()
  @Type(() => SubjectDto)
  subject?: SubjectDto;
}
