import type { Secret } from '../secret.js';
import type { Channel } from './agreement.state.js';
import { secretEmail } from './email-address.js';
import { secretPhone } from './phone-number.js';

/** A contact as it is carried, by how it is reached: whoever prints it prints the mask. */
export function secretContact(channel: Channel, address: string): Secret<string> {
  return channel === 'email' ? secretEmail(address) : secretPhone(address);
}
