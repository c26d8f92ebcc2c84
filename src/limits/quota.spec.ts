import { describe, expect, it } from '@jest/globals';
import { rateLimitHeaders } from './quota.js';

const SHORT = { policy: 'phone-600', max: 5, within: 600, remaining: 4, reset: 600 };
const LONG = { policy: 'phone-86400', max: 10, within: 86_400, remaining: 0, reset: 1234 };

describe('the header fields of the limits', () => {
  it('say what is allowed, and what is left and until when', () => {
    expect(rateLimitHeaders([SHORT])).toEqual({ policy: '"phone-600";q=5;w=600', state: '"phone-600";r=4;t=600' });
  });

  it('name every limit, in the same order', () => {
    expect(rateLimitHeaders([SHORT, LONG])).toEqual({
      policy: '"phone-600";q=5;w=600, "phone-86400";q=10;w=86400',
      state: '"phone-600";r=4;t=600, "phone-86400";r=0;t=1234',
    });
  });
});
