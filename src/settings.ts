import type { ArmedFailpoint } from './failpoint.js';
import type { Secret } from './secret.js';

/** Injection token of the configuration. */
export const CONFIG = Symbol('CONFIG');

export const ROLES = ['api', 'relay', 'worker'] as const;
export type Role = (typeof ROLES)[number];

export const SCOPES = ['create', 'confirm', 'read', 'admin', 'operator'] as const;
export type Scope = (typeof SCOPES)[number];

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
    readonly ru: string;
    readonly en: string;
    readonly purpose: string | undefined;
    readonly webDomain: string | undefined;
  };
  readonly documentDefault: DocumentSettings | undefined;
  readonly phone: { readonly countries: ReadonlySet<string> | '*'; readonly defaultRegion: string | undefined };
  readonly sms: {
    readonly provider: 'sandbox' | 'http';
    readonly sender: string | undefined;
    readonly timeout: number;
    readonly concurrency: number;
    readonly httpUrl: string | undefined;
    readonly httpToken: Secret<string> | undefined;
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
