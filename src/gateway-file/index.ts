export { judge, retryAfterHeader } from './answer.judge.js';
export { contractGateway } from './contract-gateway.js';
export type { GatewayDescription } from './gateway-description.js';
export { readGateway } from './gateway-file.js';
export { readReceipt } from './receipt.reading.js';
export { isSigned, signs, webhookKeys } from './receipt.signature.js';
export { isHeaderValue } from './request.reader.js';
export { addressOf, UnfitValue, writeRequest, type WrittenRequest } from './request.writer.js';
export type { Values } from './template.js';
