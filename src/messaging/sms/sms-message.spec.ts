import { describe, expect, it } from '@jest/globals';
import { PRINTED_IN_A_TEXT, PRINTED_WHOLE } from '../../../test/support/printing.js';
import { readConfig } from '../../config.js';
import { Secret } from '../../secret.js';
import { messageText } from '../message-text.js';
import type { SmsMessage } from './sms-gateway.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;

const config = readConfig({ OTP_KEYS: KEY, CONTACT_KEYS: KEY, OTP_WEB_DOMAIN: 'consent.example' });
const message: SmsMessage = {
  id: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50',
  reference: '019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f51',
  to: new Secret('+79161234567', '+7916•••••67'),
  ...messageText(new Secret('012345'), { locale: 'en', channel: 'sms' }, config),
};

describe('a text on its way to a provider', () => {
  it('holds the code twice and the number', () => {
    expect(message.text.reveal().match(/012345/g)).toHaveLength(2);
    expect(message.to.reveal()).toBe('+79161234567');
  });

  it.each(PRINTED_WHOLE)('shows neither in %s', (_, print) => {
    expect(print(message)).not.toMatch(/012345|9161234567/);
  });

  it.each(PRINTED_IN_A_TEXT)('shows neither in %s', (_, print) => {
    expect(print(message.text)).toContain('[secret]');
    expect(print(message.to)).toContain('+7916•••••67');
    expect(print(message.text) + print(message.to)).not.toMatch(/012345|9161234567/);
  });
});
