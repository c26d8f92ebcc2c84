import { describe, expect, it } from '@jest/globals';
import { faultsOf } from '../test/support/setting.js';

describe('failpoints', () => {
  it('are refused in production, whatever else is wrong with it', () => {
    const faults = faultsOf({ NODE_ENV: 'production', FAILPOINTS: 'relay.read=kill' });

    expect(faults).toContain('FAILPOINTS: is for tests of reliability, and refused in production');
  });
});
