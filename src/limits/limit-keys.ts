import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { isIPv6 } from 'node:net';

/** Digits of a number beyond its prefix: as many as one subscriber's block has. */
const BEYOND_PREFIX = 4;
/** About 3 MB. */
const KNOWN_PREFIXES = 20_000;

/**
 * What one text counts under: 64 bits of a keyed hash each, as decimal text, because a plain hash of a phone number is
 * guessed in minutes. Under every configured key: during a rotation replicas that count under another one are seen.
 */
export interface LimitKeys {
  /** The whole number or address; the first key is what this process counts under. */
  readonly contact: readonly string[];
  /** The number without its last four digits; empty for addresses of e-mail. */
  readonly prefix: readonly string[];
  /** The person's IP address; empty where it is not known. */
  readonly address: readonly string[];
  /** ISO 3166; null for numbers of no country, and for addresses. */
  readonly country: string | null;
}

/** A number without its last four digits: what neighbours share. */
export function prefixOf(e164: string): string {
  return e164.slice(0, -BEYOND_PREFIX);
}

/** No number has an @, no address is without. */
function isMail(contact: string): boolean {
  return contact.includes('@');
}

/** Makes the keys that limits are counted under, out of CONTACT_KEYS. */
export class LimitKeyRing {
  readonly #secrets: readonly KeyObject[];
  /** Neighbours come again and again; a hash costs as much as five lookups. */
  readonly #prefixes = new Map<string, string[]>();

  /** @param keys the first one makes new entries, the others are looked under too */
  constructor(keys: readonly { readonly secret: Buffer }[]) {
    this.#secrets = keys.map(({ secret }) => createSecretKey(secret));
  }

  /** @param contact E.164, or an address of e-mail @param ip null where it is not known or not limited */
  of(contact: string, country: string | null, ip: string | null): LimitKeys {
    return {
      contact: this.contact(contact),
      prefix: isMail(contact) ? [] : this.prefix(prefixOf(contact)),
      address: ip === null ? [] : this.#under('address', network(ip)),
      country,
    };
  }

  /** An address counts as one in whatever case it is written: hardly any host tells `Ivan` from `ivan`. */
  contact(contact: string): string[] {
    return this.#under('contact', contact.toLowerCase());
  }

  prefix(prefix: string): string[] {
    const known = this.#prefixes.get(prefix);
    if (known) return known;
    const keys = this.#under('prefix', prefix);
    if (this.#prefixes.size >= KNOWN_PREFIXES) this.#prefixes.clear();
    this.#prefixes.set(prefix, keys);
    return keys;
  }

  /** To lock by: countries are counted by their name. */
  country(country: string): string[] {
    return this.#under('country', country);
  }

  #under(scope: string, value: string): string[] {
    return this.#secrets.map((secret) =>
      createHmac('sha256', secret).update(`limit:${scope}:${value}`).digest().readBigInt64BE().toString(),
    );
  }
}

/**
 * The part of an IP address that one person has: of IPv6 the first 64 bits (RFC 6177: a site gets at least as many), of an
 * IPv4 address that came as IPv6 the IPv4 address.
 */
function network(ip: string): string {
  if (!isIPv6(ip)) return ip;
  // As a URL has it: no capitals, no leading zeros, no dots, no zone.
  const { hostname } = new URL(`http://[${ip.split('%', 1)[0] ?? ''}]`);
  const [before = [], after = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').filter(Boolean));
  const groups = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after];
  if (groups.slice(0, 6).join(':') !== '0:0:0:0:0:ffff') return groups.slice(0, 4).join(':');
  return groups
    .slice(6)
    .map((group) => Number.parseInt(group, 16))
    .map((two) => `${two >> 8}.${two & 255}`)
    .join('.');
}
