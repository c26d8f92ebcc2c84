export { AgreementError, type AgreementFault } from './agreement.errors.js';
export {
  AGREEMENT_EVENT_NAMES,
  type AgreementEvent,
  type AgreementEventName,
  type EventSubject,
  integrationType,
  parseIntegrationType,
  toIntegrationEvent,
} from './agreement.events.js';
export { agreementSchema } from './agreement.schema.js';
export type { AgreementFacts } from './agreement.state.js';
export { UnknownCodeKey } from './confirmation-code.js';
export { secretContact } from './contact.js';
export { ContactKeys } from './contact-keys.js';
export { maskEmailAddress, parseEmailAddress } from './email-address.js';
export { cancelErased } from './erase-agreement.js';
export { ExpireAgreements } from './expire-agreements.js';
export { ExpireIdempotencyKeys } from './expire-idempotency-keys.js';
export { IssueCode } from './issue-code.js';
export { Replayed } from './kept-answers.repository.js';
export type { KeyedRequest } from './keyed-request.js';
export { maskPhoneNumber, parsePhoneNumber, secretPhone } from './phone-number.js';
