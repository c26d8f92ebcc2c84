import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../config.js';
import { Problem } from '../http/index.js';
import type { CreateAgreementDto } from './agreement.dto.js';
import { requestOf } from './agreement-request.dto.js';

const KEY = `k:${Buffer.alloc(32, 1).toString('base64')}`;
const CONFIG = readConfig({ OTP_KEYS: KEY, CONTACT_KEYS: KEY });
const body = (contact: Pick<CreateAgreementDto, 'phone' | 'email'>): CreateAgreementDto => ({
  id_hash: 'somebody',
  ...contact,
});

describe('a request', () => {
  it('names a phone or an address, which it carries as a secret', () => {
    const [phone, email] = [{ phone: '+7 916' }, { email: 'Ivan@example.com ' }].map((contact) =>
      requestOf(body(contact), CONFIG),
    );
    expect([phone?.contact.channel, phone?.contact.typed.reveal()]).toEqual(['sms', '+7 916']);
    expect([email?.contact.channel, email?.contact.typed.reveal()]).toEqual(['email', 'Ivan@example.com ']);
    expect(JSON.stringify([phone, email])).not.toMatch(/916|Ivan/);
  });

  it('for an address is not taken where nobody mails, and that is no fault of the address', () => {
    const mute = { ...CONFIG, email: { ...CONFIG.email, providers: [] } };
    const refusal = (): unknown => {
      try {
        return requestOf(body({ email: 'ivan@example.com' }), mute);
      } catch (error) {
        return error instanceof Problem ? [error.code, error.details.errors] : error;
      }
    };
    expect(refusal()).toEqual([
      'validation_failed',
      [{ field: 'email', message: 'is not taken: this service sends no e-mail' }],
    ]);
    expect(requestOf(body({ phone: '+79161234567' }), mute).contact.channel).toBe('sms');
  });
});
