import { type SmsAnswer, SmsServer } from './sms-server.js';

/** Of nobody. */
export const ACCOUNT_SID = `AC${'0123456789abcdef'.repeat(2)}`;
export const AUTH_TOKEN = 'the-token-of-nobody';

/** A form as Twilio gets it, and the settings of a service that uses this Twilio. */
export interface TwilioServer {
  readonly server: SmsServer;
  /** Of the requests, in their order. */
  readonly forms: readonly Readonly<Record<string, string>>[];
  readonly environment: Record<string, string>;
}

/** What Twilio answers; whoever scripts nothing gets an answer that Twilio would never give. */
export const twilioAnswers = {
  created:
    (sid: unknown = `SM${'a'.repeat(32)}`, status = 201): SmsAnswer =>
    (response) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ sid })),
  refused:
    (status: number, code: unknown, headers: Record<string, string> = {}): SmsAnswer =>
    (response) => {
      const body = { code, message: 'no', more_info: `https://www.twilio.com/docs/errors/${String(code)}`, status };
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    },
};

/** Starts a server that takes texts as Twilio does, does as it is told, and remembers everything. */
export async function startTwilio(): Promise<TwilioServer> {
  const forms: Record<string, string>[] = [];
  const server = await SmsServer.start(undefined, (body) => {
    const form = Object.fromEntries(new URLSearchParams(body));
    forms.push(form);
    return { id: '', to: form['To'] ?? '', text: form['Body'] ?? '', sender: form['From'] ?? null };
  });
  const environment = {
    SMS_PROVIDERS: 'twilio',
    TWILIO_ACCOUNT_SID: ACCOUNT_SID,
    TWILIO_AUTH_TOKEN: AUTH_TOKEN,
    TWILIO_FROM: '+15005550006',
    TWILIO_BASE_URL: new URL(server.url).origin,
  };
  return { server, forms, environment };
}
