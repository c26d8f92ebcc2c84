import type { Config } from '../config.js';
import { Problem } from '../http/index.js';
import { Secret } from '../secret.js';
import type { CreateAgreementDto } from './agreement.dto.js';
import { AgreementError } from './agreement.errors.js';
import type { AgreementRequest } from './create-agreement.js';

/**
 * What a body asks for, with what it left out: by the document of requests that name none, whether there is anybody to mail
 * through, and the languages that there are texts in.
 * @throws Problem validation_failed where there is none
 */
export function requestOf(
  body: CreateAgreementDto,
  { documentDefault, email, message }: Pick<Config, 'documentDefault' | 'email' | 'message'>,
): AgreementRequest {
  const { subject = {}, metadata = {}, locale = 'ru' } = body;
  const document = body.document ?? documentDefault;
  if (!document) {
    throw new Problem('validation_failed', {
      errors: [{ field: 'document', message: 'is needed: there is no default' }],
    });
  }
  if (body.email !== undefined && email.providers.length === 0) {
    throw new Problem('validation_failed', {
      errors: [{ field: 'email', message: 'is not taken: this service sends no e-mail' }],
    });
  }
  const { languages } = message.texts;
  if (!languages.includes(locale)) {
    const known = new Intl.ListFormat('en', { type: 'disjunction' }).format(languages);
    throw new Problem('validation_failed', { errors: [{ field: 'locale', message: `must be ${known}` }] });
  }
  const { id, version, sha256 } = document;
  return {
    idHash: body.id_hash,
    contact: contactOf(body),
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

function contactOf({ phone, email }: CreateAgreementDto): AgreementRequest['contact'] {
  return email === undefined
    ? { channel: 'sms', typed: new Secret(phone ?? '') }
    : { channel: 'email', typed: new Secret(email) };
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
