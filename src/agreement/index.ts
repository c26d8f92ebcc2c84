export { AgreementError, type AgreementFault } from './agreement.errors.js';
export {
  AGREEMENT_EVENT_NAMES,
  type AgreementEvent,
  type AgreementEventName,
  integrationType,
  parseIntegrationType,
  toIntegrationEvent,
} from './agreement.events.js';
export { agreementSchema } from './agreement.schema.js';
export type { AgreementFacts, Channel } from './agreement.state.js';
export { CodeKeys, UnknownCodeKey } from './confirmation-code.js';
export { ExpireAgreements } from './expire-agreements.js';
export { IssueCode, type IssuedTo } from './issue-code.js';
export { maskPhoneNumber } from './phone-number.js';
