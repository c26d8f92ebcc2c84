import { describe, expect, it } from '@jest/globals';
import { faultsOf } from '../test/support/setting.js';
import { readConfig } from './config.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;
const BASE = { OTP_KEYS: KEY, CONTACT_KEYS: KEY };
const SMTP = { ...BASE, EMAIL_PROVIDERS: 'smtp', EMAIL_SENDER: 'no-reply@shop.example' };

const serverOf = (SMTP_URL: string) => {
  const { smtp } = readConfig({ ...SMTP, SMTP_URL }).email;
  return [smtp?.host, smtp?.port, smtp?.tls, smtp?.login?.user, smtp?.login?.password.reveal()];
};
const senderOf = (EMAIL_SENDER: string) =>
  readConfig({ ...SMTP, SMTP_URL: 'smtps://mail.example', EMAIL_SENDER }).email.smtp?.sender;

describe('SMTP_URL', () => {
  it.each([
    ['smtps://mail.example', ['mail.example', 465, 'implicit', undefined, undefined]],
    ['smtp://mail.example', ['mail.example', 587, 'required', undefined, undefined]],
    ['smtp://mail.example:25?tls=off', ['mail.example', 25, 'off', undefined, undefined]],
    ['smtp://u%40shop.example:p%3Aw%2F@mail.example', ['mail.example', 587, 'required', 'u@shop.example', 'p:w/']],
    ['smtp://127.0.0.1:1025', ['127.0.0.1', 1025, 'offered', undefined, undefined]],
    ['smtp://localhost:1025?tls=off', ['localhost', 1025, 'off', undefined, undefined]],
    ['smtps://[::1]:1465/', ['::1', 1465, 'implicit', undefined, undefined]],
  ])('%s says where and how privately', (url, expected) => {
    expect(serverOf(url)).toEqual(expected);
  });

  it('may switch TLS off in production for this machine only', () => {
    const production = { ...SMTP, NODE_ENV: 'production' };
    const ofUrl = (SMTP_URL: string) =>
      faultsOf({ ...production, SMTP_URL }).filter((fault) => fault.startsWith('SMTP_URL'));

    expect(ofUrl('smtp://mail.example?tls=off')).toHaveLength(1);
    expect(ofUrl('smtp://127.0.0.1?tls=off')).toEqual([]);
    expect(ofUrl('smtp://mail.example')).toEqual([]);
  });

  it('and EMAIL_SENDER are asked for, each once, where smtp is used', () => {
    const faults = faultsOf({ ...BASE, EMAIL_PROVIDERS: 'smtp' });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(['SMTP_URL', 'EMAIL_SENDER']);
    expect(faultsOf({ ...SMTP, SMTP_URL: 'smtp://' })).toHaveLength(1);
  });
});

describe('EMAIL_SENDER', () => {
  it.each([
    ['no-reply@Shop.Example', { name: '', address: 'no-reply@shop.example' }],
    ['Shop <no-reply@shop.example>', { name: 'Shop', address: 'no-reply@shop.example' }],
    ['"Shop, Ltd." <no-reply@shop.example>', { name: 'Shop, Ltd.', address: 'no-reply@shop.example' }],
    ['Магазин <no-reply@магазин.рф>', { name: 'Магазин', address: 'no-reply@xn--80aairftm.xn--p1ai' }],
  ])('%s is a name and an address', (text, expected) => {
    expect(senderOf(text)).toEqual(expected);
  });
});

describe('EMAIL_PROVIDERS', () => {
  it('names nobody in production unless it is set, and never the sandbox', () => {
    const faults = faultsOf({ NODE_ENV: 'production', EMAIL_PROVIDERS: 'sandbox' });
    expect(faults).toContainEqual(expect.stringMatching(/^EMAIL_PROVIDERS: must name a real provider/));
    expect(faultsOf({ NODE_ENV: 'production' }).join()).not.toContain('EMAIL');
  });
});
