import { readFileSync } from 'node:fs';
import type { Environment } from './environment.js';
import {
  contractGateway,
  type GatewayDescription,
  isHeaderValue,
  readGateway,
  signs,
  webhookKeys,
} from './gateway-file/index.js';
import { Secret } from './secret.js';
import type { HttpProviderSettings } from './settings.js';

/** What a gateway may use, and the setting that it comes from. */
const SETTINGS = {
  url: 'SMS_HTTP_URL',
  user: 'SMS_HTTP_USER',
  token: 'SMS_HTTP_TOKEN',
  webhook_secret: 'SMS_HTTP_WEBHOOK_SECRET',
  callback: 'PUBLIC_URL',
} as const;

const FILE = 'SMS_HTTP_TEMPLATE_FILE';

/** Against guessing: 128 bits, in bytes where it is base64 (Standard Webhooks), in characters of any other text. */
const SHORTEST_SECRET = { bytes: 16, characters: 24 };

/** The gateway of the provider `http`: the contract's own, or one that a file describes. */
export function httpProvider(env: Environment, used: boolean, production: boolean): HttpProviderSettings | undefined {
  const url = env.url('SMS_HTTP_URL', ['https:', 'http:']);
  // The token has a setting of its own, which no log shows.
  if (url !== undefined && URL.parse(url)?.username) env.fault('SMS_HTTP_URL', 'must hold no user or password');
  const token = env.text('SMS_HTTP_TOKEN');
  const user = env.text('SMS_HTTP_USER');
  const webhookSecret = env.text('SMS_HTTP_WEBHOOK_SECRET');
  const file = env.text(FILE);
  if (!used) return undefined;
  const read = file === undefined ? contractGateway() : readFile(env, file);
  if (!read) return undefined;
  const { gateway, uses } = read;
  for (const [name, setting] of Object.entries(SETTINGS) as [keyof typeof SETTINGS, string][]) {
    if (uses.has(name))
      requireSetting(
        env,
        setting,
        `is needed by the provider http${file === undefined ? '' : `: ${file} uses {${name}}`}`,
      );
  }
  const isSigned = file !== undefined && gateway.receipts !== undefined;
  if (isSigned)
    requireSetting(env, SETTINGS.webhook_secret, `is needed by the provider http: ${file} describes signed receipts`);
  const { signed } = gateway.receipts ?? {};
  if (signed?.by === 'hmac' && signs(signed.over, 'url')) {
    requireSetting(env, SETTINGS.callback, `is needed by the provider http: ${file ?? ''} signs receipts with {url}`);
  }
  if (webhookSecret !== undefined) checkSecret(env, gateway, webhookSecret, production);
  checkHeaders(env, gateway);
  if (url !== undefined) checkUrl(env, gateway, url);
  return { gateway, url, user, token: secret(token), webhookSecret: secret(webhookSecret) };
}

function readFile(
  env: Environment,
  file: string,
): Extract<ReturnType<typeof readGateway>, { gateway: GatewayDescription }> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    env.fault(FILE, `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    return undefined;
  }
  const read = readGateway(text);
  if ('gateway' in read) return read;
  for (const { line, message } of read.faults) env.fault(FILE, `${file}:${line}: ${message}`);
  return undefined;
}

function requireSetting(env: Environment, name: string, why: string): void {
  const alreadyNamed = env.faults.some((fault) => fault.startsWith(`${name}:`) || fault.startsWith(`${name}_FILE:`));
  if (!alreadyNamed && env.text(name) === undefined) env.fault(name, why);
}

function checkSecret(env: Environment, { receipts }: GatewayDescription, secret: string, production: boolean): void {
  const keys = receipts?.signed.by === 'standard-webhooks' ? webhookKeys(secret) : [Buffer.from(secret)];
  if (keys.length === 0) return env.fault(SETTINGS.webhook_secret, 'must be base64 behind whsec_');
  const { bytes, characters } = SHORTEST_SECRET;
  const isShort = secret.length < characters || keys.some((key) => key.length < bytes);
  if (production && isShort) {
    env.fault(
      SETTINGS.webhook_secret,
      `must have ${characters} characters, behind whsec_ ${bytes} bytes, in production`,
    );
  }
}

/** A line end in a setting would write a header of its own. */
function checkHeaders(env: Environment, { request }: GatewayDescription): void {
  const inHeaders = new Set(
    request.headers.flatMap(([, template]) => template.map((part) => (typeof part === 'string' ? '' : part.name))),
  );
  const all = { ...SETTINGS, sender: 'SMS_SENDER' } as Readonly<Record<string, string>>;
  for (const name of inHeaders) {
    const setting = all[name];
    if (setting && !isHeaderValue(env.text(setting) ?? '')) {
      env.fault(setting, 'has a line end or another character that a header cannot hold');
    }
  }
}

function checkUrl(env: Environment, { request }: GatewayDescription, url: string): void {
  if (url.includes('#')) env.fault('SMS_HTTP_URL', 'must have no part behind a #');
  const goesOn = request.origin === undefined && request.target.length > 0;
  if (goesOn && url.includes('?'))
    env.fault('SMS_HTTP_URL', `must have no part behind a ?, since request.url goes on after it`);
}

function secret(text: string | undefined): Secret<string> | undefined {
  return text === undefined ? undefined : new Secret(text);
}
