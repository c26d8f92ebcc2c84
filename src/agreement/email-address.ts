import { Secret } from '../secret.js';
import { AgreementError, type EmailRefusal } from './agreement.errors.js';

/** Which addresses the operator does not mail to. */
export interface EmailPolicy {
  /** In lower case, IDN as A-labels; what lies below one is blocked too. */
  readonly blockedDomains: ReadonlySet<string>;
}

/** RFC 5321 §4.5.3.1: octets of a path without its brackets, and of a local part. */
const LONGEST = 254;
const LONGEST_LOCAL = 64;
/** RFC 1035 §2.3.4. */
const LONGEST_DOMAIN = 253;

/** RFC 5322 §3.2.3 dot-atom-text: no quoted strings, no comments, no other scripts (SMTPUTF8 is not everywhere). */
const LOCAL = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
/** What a domain may be written with: letters of any script with their marks, digits, hyphens and dots. */
const WRITTEN = /^[\p{L}\p{M}\p{N}.。-]+$/u;
/** RFC 1123 §2.1, at least two labels, the last no number: else it could be an IPv4 address. */
const DOMAIN = /^([a-z\d]([a-z\d-]{0,61}[a-z\d])?\.)+(?!\d+$)[a-z\d]([a-z\d-]{0,61}[a-z\d])$/;

/**
 * The address behind what a person typed: the domain in lower case and in A-labels, the local part as it is, its case too,
 * because only its host knows what it means (RFC 5321 §2.4).
 * @throws AgreementError `email_not_allowed` with the reason: invalid, or blocked
 */
export function parseEmailAddress(typed: string, { blockedDomains }: EmailPolicy): Secret<string> {
  const text = typed.trim();
  const at = text.lastIndexOf('@');
  const [local, written] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  const domain = asciiDomain(written);
  if (local.length > LONGEST_LOCAL || !LOCAL.test(local) || domain === undefined) throw refused('invalid');
  const address = `${local}@${domain}`;
  if (address.length > LONGEST) throw refused('invalid');
  if (parentsOf(domain).some((name) => blockedDomains.has(name))) throw refused('blocked');
  return secretEmail(address);
}

/** A domain as DNS knows it (UTS #46, as the URL parser does it); undefined where mail cannot go there. */
function asciiDomain(written: string): string | undefined {
  if (written.length > LONGEST_DOMAIN || !WRITTEN.test(written)) return undefined;
  const domain = URL.parse(`http://${written}`)?.hostname ?? '';
  return domain.length <= LONGEST_DOMAIN && DOMAIN.test(domain) ? domain : undefined;
}

/** The domain itself and all that it lies below. */
function parentsOf(domain: string): string[] {
  const labels = domain.split('.');
  return labels.map((_, n) => labels.slice(n).join('.'));
}

/** An address as it is carried: whoever prints it prints the mask. */
export function secretEmail(address: string): Secret<string> {
  return new Secret(address, maskEmailAddress(address));
}

/**
 * What may be shown of an address: the first characters of its local part and of its domain, and the top-level domain:
 * `i•••@e•••••.com`. Always so many dots, which say nothing of the length; a part of one character is not shown at all.
 */
export function maskEmailAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const [local, domain] = [address.slice(0, Math.max(0, at)), address.slice(at + 1)];
  const dot = domain.lastIndexOf('.');
  const name = domain.slice(0, Math.max(0, dot));
  return `${firstOf(local)}•••@${firstOf(name)}•••••${domain.slice(Math.max(0, dot))}`;
}

function firstOf(part: string): string {
  return part.length > 1 ? part.slice(0, 1) : '';
}

function refused(reason: EmailRefusal): AgreementError {
  return new AgreementError({ code: 'email_not_allowed', reason });
}
