import { createHmac } from 'node:crypto';
import { AUTH_TOKEN } from './twilio-server.js';

/** A callback of Twilio: what it sends, and what it says that it signed. */
export interface TwilioCallback {
  readonly body: string;
  readonly headers: Record<string, string>;
}

/** The callback that Twilio sends to an address. @param signed what of it is signed by somebody or something else */
export function twilioCallback(
  fields: Record<string, string>,
  url: string,
  signed: { readonly token?: string; readonly url?: string; readonly fields?: Record<string, string> } = {},
): TwilioCallback {
  const parameters = Object.entries(signed.fields ?? fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const signature = createHmac('sha1', signed.token ?? AUTH_TOKEN)
    .update((signed.url ?? url) + parameters.flat().join(''))
    .digest('base64');
  const headers = {
    'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
    'x-twilio-signature': signature,
  };
  return { body: new URLSearchParams(fields).toString(), headers };
}
