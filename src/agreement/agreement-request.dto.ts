import type { DocumentSettings } from '../config.js';
import { Problem } from '../http/index.js';
import { Secret } from '../secret.js';
import type { CreateAgreementDto } from './agreement.dto.js';
import { AgreementError } from './agreement.errors.js';
import type { AgreementRequest } from './create-agreement.js';

/**
 * What a body asks for, with what it left out.
 * @param fallback the document of requests that name none
 * @throws Problem validation_failed where there is none
 */
export function requestOf(body: CreateAgreementDto, fallback: DocumentSettings | undefined): AgreementRequest {
  const { subject = {}, metadata = {}, locale = 'ru' } = body;
  const document = body.document ?? fallback;
  if (!document) {
    throw new Problem('validation_failed', {
      errors: [{ field: 'document', message: 'is needed: there is no default' }],
    });
  }
  const { id, version, sha256 } = document;
  return {
    idHash: body.id_hash,
    phone: new Secret(body.phone),
    document: { id, version, sha256: sha256.toLowerCase() },
    locale,
    metadata,
    subject: {
      ip: subject.ip ?? null,
      userAgent: subject.user_agent ?? null,
      shownAt: timeOf(subject.shown_at) ?? null,
    },
  };
}

/** What cannot be a reference is an unknown one; anything else would tell the two apart. @throws AgreementError */
export function known(reference: string): string {
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(reference)) return reference.toLowerCase();
  throw new AgreementError({ code: 'agreement_not_found' });
}

/** @param text ISO 8601, checked */
export function timeOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
