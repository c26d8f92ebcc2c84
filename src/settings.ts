import type { ArmedFailpoint } from './failpoint.js';
import type { GatewayDescription } from './gateway-file/index.js';
import type { Secret } from './secret.js';
import type { Texts } from './texts.js';

/** Injection token of the configuration. */
export const CONFIG = Symbol('CONFIG');

export const ROLES = ['api', 'relay', 'worker'] as const;
export type Role = (typeof ROLES)[number];

export const SCOPES = ['create', 'confirm', 'read', 'admin', 'operator'] as const;
export type Scope = (typeof SCOPES)[number];

export const SMS_PROVIDERS = ['sandbox', 'http', 'twilio', 'smpp'] as const;
export type SmsProvider = (typeof SMS_PROVIDERS)[number];

export const EMAIL_PROVIDERS = ['sandbox', 'smtp'] as const;
export type EmailProvider = (typeof EMAIL_PROVIDERS)[number];

/** One key of a key ring: the id is stored beside what the key made. */
export interface NamedKey {
  readonly id: string;
  readonly secret: Secret<Buffer>;
}

/** A caller, known by the hash of its key. */
export interface ApiKey {
  readonly client: string;
  /** SHA-256 of the key. */
  readonly digest: Buffer;
  readonly scopes: ReadonlySet<Scope>;
}

/** The document of requests that name none. */
export interface DocumentSettings {
  readonly id: string;
  readonly version: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

/** A gateway that is spoken to over HTTP: in the contract's JSON, or as a file describes it. */
export interface HttpProviderSettings {
  readonly gateway: GatewayDescription;
  readonly url: string | undefined;
  readonly user: string | undefined;
  readonly token: Secret<string> | undefined;
  /** What receipts are signed with; without it none are taken. */
  readonly webhookSecret: Secret<string> | undefined;
}

/** An account at Twilio; one of `from` and `messagingServiceSid` is there. */
export interface TwilioSettings {
  readonly accountSid: string;
  readonly authToken: Secret<string>;
  readonly from: string | undefined;
  readonly messagingServiceSid: string | undefined;
  readonly baseUrl: string;
}

/** An SMSC. */
export interface SmppSettings {
  /** `smpp://system_id:password@host:port`, `smpps:` for TLS. */
  readonly url: Secret<string>;
  /** PEM of the authority to trust instead of the system's. */
  readonly ca: string | undefined;
  /** Messages without an answer at one time. */
  readonly window: number;
  readonly perSecond: number;
  /** How a text above one part goes: whole in `message_payload`, or in parts with a UDH. */
  readonly longText: 'payload' | 'udh';
  /** How the ids of receipts are written: as in the answer, or as the same number in decimal or hexadecimal. */
  readonly receiptId: 'auto' | 'same' | 'decimal' | 'hex';
}

/** A mail server that takes our mails. */
export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** From the first byte; else by STARTTLS: never without it, where the server offers it, or not at all. */
  readonly tls: 'implicit' | 'required' | 'offered' | 'off';
  /** PEM of the authority to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly login: { readonly user: string; readonly password: Secret<string> } | undefined;
  /** At one time. */
  readonly connections: number;
  readonly sender: { readonly name: string; readonly address: string };
}

/** Where PostgreSQL is and how to reach it. */
export interface DatabaseSettings {
  /** None: an embedded PostgreSQL below `dataDir`. */
  readonly url: Secret<string> | undefined;
  readonly directUrl: Secret<string> | undefined;
  readonly poolSize: number;
  readonly ssl: 'off' | 'require' | 'verify-full';
  readonly sslCa: string | undefined;
  readonly dataDir: string;
  readonly migrate: boolean;
}

/** Where Kafka is and how this service names itself there (the KAFKA_* rows of the configuration). */
export interface KafkaSettings {
  /** host:port of the brokers to ask first. */
  readonly brokers: string[];
  readonly topic: string;
  readonly dlqTopic: string;
  readonly groupId: string;
  readonly clientId: string;
  /** `ca`: PEM of the authority to trust instead of the system's. */
  readonly ssl: false | { readonly ca?: string };
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: Secret<string>;
  };
}

/** So many within so long, wherever the window is laid (a sliding window). */
export interface Window {
  readonly max: number;
  /** In milliseconds. */
  readonly within: number;
}

/** All durations in milliseconds. */
export interface Config {
  readonly production: boolean;
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** None: no metrics. */
    readonly metricsPort: number | undefined;
    readonly corsOrigins: readonly string[];
    readonly trustedProxies: readonly string[];
    readonly publicUrl: string | undefined;
  };
  readonly roles: ReadonlySet<Role>;
  /** None: open to everybody as the client `local`. */
  readonly apiKeys: readonly ApiKey[] | undefined;
  /** Where they came from, if from a file: it is read again while the service runs. */
  readonly apiKeysFile: string | undefined;
  readonly database: DatabaseSettings;
  readonly shutdown: { readonly delay: number; readonly timeout: number };
  /** None: events are handed over inside the process. */
  readonly kafka: KafkaSettings | undefined;
  readonly otpKeys: readonly NamedKey[];
  readonly contactKeys: readonly NamedKey[];
  readonly otp: {
    readonly length: number;
    readonly ttl: number;
    readonly resendInterval: number;
    readonly attempts: number;
    readonly maxCodes: number;
    readonly maxFailures: number;
    readonly agreementTtl: number;
  };
  readonly message: {
    /** What is written to people, in every language that there is. */
    readonly texts: Texts;
    readonly purpose: string | undefined;
    readonly webDomain: string | undefined;
    /** Of an SMS; a text that takes more refuses the start. */
    readonly maxParts: number;
  };
  readonly documentDefault: DocumentSettings | undefined;
  readonly phone: { readonly countries: ReadonlySet<string> | '*'; readonly defaultRegion: string | undefined };
  /** Numbers that nothing is sent to, in E.164, each with its code; mostly none. */
  readonly testPhones: ReadonlyMap<string, Secret<string>>;
  readonly sms: {
    /** By ISO 3166 country, in the order in which they are asked; `*` is there for all others. */
    readonly routes: ReadonlyMap<string, readonly SmsProvider[]>;
    /** All that occur in a route. */
    readonly providers: readonly SmsProvider[];
    readonly sender: string | undefined;
    readonly timeout: number;
    /** Calls at one time, of each provider. */
    readonly concurrency: number;
    /** Each only where it is used. */
    readonly http: HttpProviderSettings | undefined;
    readonly twilio: TwilioSettings | undefined;
    readonly smpp: SmppSettings | undefined;
  };
  readonly email: {
    /** In the order in which they are asked; empty: no mails. */
    readonly providers: readonly EmailProvider[];
    /** Only where it is used. */
    readonly smtp: SmtpSettings | undefined;
    /** Refuses addresses whose domain names nobody who takes its mail. */
    readonly checkMx: boolean;
    /** Address and port of whom to ask for that; none: the system's. */
    readonly dnsServers: readonly string[] | undefined;
    /** In lower case, IDN as A-labels. */
    readonly blockedDomains: ReadonlySet<string>;
  };
  /** An empty list: no limit. */
  readonly limits: {
    /** Texts to a number by one client, those of confirmed agreements left out. */
    readonly phone: readonly Window[];
    /** The same by all clients together. */
    readonly phoneAll: readonly Window[];
    /** Texts to numbers that differ in their last four digits only, those of confirmed agreements left out. */
    readonly prefix: readonly Window[];
    /** Texts to a country. */
    readonly country: readonly Window[];
    /** Creates by a client, each process for itself. */
    readonly client: readonly Window[];
    /** Texts asked for from an IP address. */
    readonly address: readonly Window[];
    /** Holds prefixes back that are texted much and confirm almost nothing. */
    readonly guard: {
      readonly minSends: number;
      /** From 0 to 1; 0: never. */
      readonly minConversion: number;
      readonly window: number;
      /** Holds countries back too; without it they are only reported. */
      readonly countries: boolean;
    };
  };
  /** Counted from when an agreement was closed. */
  readonly retention: {
    /** Phone, IP address and browser of the person. */
    readonly contact: number;
    /** What became of its texts. */
    readonly delivery: number;
  };
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** Only for tests of reliability; refused in production. */
  readonly failpoints: readonly ArmedFailpoint[];
  /** What is probably a mistake but does not stop the start. */
  readonly warnings: readonly string[];
}
