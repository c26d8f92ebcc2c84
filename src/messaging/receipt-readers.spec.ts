import { describe, expect, it } from '@jest/globals';
import { receiptUrl } from './receipt-readers.js';

describe('where a provider has sent its receipt', () => {
  it.each([
    ['https://agreement.example', '/v1/delivery/twilio', 'https://agreement.example/v1/delivery/twilio'],
    ['https://agreement.example/', '/v1/delivery/twilio', 'https://agreement.example/v1/delivery/twilio'],
    [
      'https://agreement.example:8443/api//',
      '/v1/delivery/twilio/',
      'https://agreement.example:8443/api/v1/delivery/twilio/',
    ],
    ['https://agreement.example/?a=1#b', '/v1/delivery/http?x=%2F', 'https://agreement.example/v1/delivery/http?x=%2F'],
    [undefined, '/v1/delivery/http?x=1', '/v1/delivery/http?x=1'],
  ])('is below %s, path and query as they came: %s', (publicUrl, target, url) => {
    expect(receiptUrl(publicUrl, target)).toBe(url);
  });
});
