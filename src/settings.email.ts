import { isIP } from 'node:net';
import type { Environment } from './environment.js';
import { Secret } from './secret.js';
import { type Config, EMAIL_PROVIDERS, type SmtpSettings } from './settings.js';
import { hostName, isLoopback } from './settings.readers.js';

/** Who mails, in which order, and to whom. */
export function emailSettings(env: Environment, production: boolean): Config['email'] {
  const expected = `a list of ${EMAIL_PROVIDERS.join(', ')}, each once`;
  const given = env.parsed('EMAIL_PROVIDERS', expected, (text) => {
    const names = text.split(',').map((name) => EMAIL_PROVIDERS.find((known) => known === name.trim()));
    const known = names.filter((name) => name !== undefined);
    return known.length === names.length && new Set(known).size === known.length ? known : undefined;
  });
  if (production && given?.includes('sandbox')) {
    env.fault('EMAIL_PROVIDERS', 'must name a real provider in production; the sandbox sends nothing');
  }
  // In production nobody is mailed where nothing says how.
  const providers = given ?? (production ? [] : (['sandbox'] as const));
  return {
    providers,
    smtp: smtpProvider(env, production, providers.includes('smtp')),
    checkMx: env.flag('EMAIL_CHECK_MX', false),
    dnsServers: env.list('EMAIL_DNS_SERVERS', 'a list of IP addresses, with a port where it is not 53', dnsServer),
    blockedDomains: new Set(env.list('EMAIL_BLOCKED_DOMAINS', 'a list of domain names', domainName)),
  };
}

function smtpProvider(env: Environment, production: boolean, used: boolean): SmtpSettings | undefined {
  const server = env.parsed(
    'SMTP_URL',
    'such as smtps://user:password@mail.example.com:465, or smtp://; user and password both, or none of them',
    serverIn,
  );
  if (server?.tls === 'off' && production && !isLoopback(server.host)) {
    env.fault('SMTP_URL', 'must not switch TLS off in production, unless the server is this machine');
  }
  const ca = env.text('SMTP_CA');
  const connections = env.integer('SMTP_CONNECTIONS', 5, 1, 1000);
  const sender = env.parsed(
    'EMAIL_SENDER',
    'an address, or a name with an address: Shop <no-reply@shop.example>',
    senderIn,
  );
  if (!used) return undefined;
  for (const [name, value] of Object.entries({ SMTP_URL: server, EMAIL_SENDER: sender })) {
    const named = env.faults.some((fault) => fault.startsWith(name));
    if (value === undefined && !named) env.fault(name, 'is needed by the provider smtp');
  }
  return server && sender && { ...server, ca, connections, sender };
}

/** `smtps:` is TLS from the first byte (RFC 8314), `smtp:` STARTTLS, which may be missing on this machine only. */
function serverIn(text: string): Pick<SmtpSettings, 'host' | 'port' | 'tls' | 'login'> | undefined {
  const url = URL.parse(text);
  const host = (url?.hostname ?? '').replace(/^\[|\]$/g, '');
  const tls = url?.searchParams.get('tls') ?? 'on';
  const foreign = [...(url?.searchParams.keys() ?? [])].some((name) => name !== 'tls');
  const plain = url?.protocol === 'smtp:';
  if (!url || (!plain && url.protocol !== 'smtps:') || !/^[\w.:-]+$/.test(host) || !/^\/?$/.test(url.pathname))
    return undefined;
  if (foreign || !['on', 'off'].includes(tls) || (tls === 'off' && !plain)) return undefined;
  const login = loginIn(url);
  if (login === 'malformed') return undefined;
  const byStartTls = tls === 'off' ? 'off' : isLoopback(host) ? 'offered' : 'required';
  return { host, port: Number(url.port) || (plain ? 587 : 465), tls: plain ? byStartTls : 'implicit', login };
}

function loginIn({ username, password }: URL): SmtpSettings['login'] | 'malformed' {
  if (username === '' && password === '') return undefined;
  try {
    const user = decodeURIComponent(username);
    // A password of no characters logs in nowhere.
    const half = user === '' || password === '';
    return half ? 'malformed' : { user, password: new Secret(decodeURIComponent(password)) };
  } catch {
    return 'malformed';
  }
}

/** RFC 5322 §3.4 as far as anybody writes it: an address, or a name with the address in angle brackets. */
function senderIn(text: string): SmtpSettings['sender'] | undefined {
  if (/\p{Cc}/u.test(text)) return undefined;
  const [, named, inBrackets] = /^([^<>]*)<([^<>]+)>$/.exec(text.trim()) ?? [];
  const name = (named ?? '').trim().replace(/^"(.*)"$/, '$1');
  const [, local, domain = ''] = /^([\w!#$%&'*+/=?^`{|}~.-]{1,64})@([^@\s]+)$/.exec((inBrackets ?? text).trim()) ?? [];
  const host = domain === 'localhost' ? domain : domainName(domain);
  return local === undefined || host === undefined ? undefined : { name, address: `${local}@${host}` };
}

/** One that mail can go to: at least two labels. */
function domainName(text: string): string | undefined {
  const host = hostName(text);
  return host?.includes('.') ? host : undefined;
}

/** As `Resolver.setServers` takes it. */
function dnsServer(text: string): string | undefined {
  const [, bracketed, plain, port = '53'] = /^(?:\[([\da-f:]+)\]|([\d.]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (Number(port) < 1 || Number(port) > 65535) return undefined;
  if (isIP(text) === 6) return text;
  return isIP(bracketed ?? plain ?? '') === 0 ? undefined : text;
}
