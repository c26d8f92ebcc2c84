export { erase, type ErasedAgreement, type Erasure } from './erasure.js';
export { ForgetEndedCodes } from './forget-ended-codes.js';
export { type Purgeable, PurgeClosed } from './purge-closed.js';
