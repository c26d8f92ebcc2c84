import type { Config } from '../config.js';
import type { OperatorDatabase, Statement } from '../database/index.js';
import { type Rule, rulesOf } from './admission.js';
import { LimitKeyRing } from './limit-keys.js';

/** A prefix or a country that nothing is sent to for now. */
export interface Hold {
  readonly kind: 'prefix' | 'country';
  /** The prefix or the country itself. */
  readonly label: string;
  /** The limit that it met. */
  readonly limit: string;
  readonly since: Date;
  readonly until: Date;
  readonly sends: number;
  readonly confirmed: number;
}

/** A number, an address or a prefix with as many unconfirmed texts as one of its windows takes. */
export interface Full {
  readonly scope: 'contact' | 'prefix';
  /** One of the numbers counted, or the address; null where it has been purged. */
  readonly phone: string | null;
  /** Whose limit it is; null for that of all clients together. */
  readonly client: string | null;
  readonly sends: number;
  readonly max: number;
  /** Seconds. */
  readonly within: number;
  /** When there is room again. */
  readonly until: Date;
}

/** What an operator names. */
export interface Target {
  readonly kind: 'phone' | 'email' | 'prefix' | 'country';
  /** E.164, an address of e-mail, the first digits of a number, or ISO 3166. */
  readonly value: string;
}

const HOLDS: Statement = {
  name: 'limits_holds',
  text: `
    SELECT kind, label, reason AS "limit", since, until, sends::integer AS sends, confirmed::integer AS confirmed
    FROM limit_hold WHERE until > now() ORDER BY until DESC`,
};

/** Reads what was counted lately from end to end: for an operator, not for a request. */
const full = (key: 'contact' | 'prefix'): Statement => ({
  name: `limits_full_${key}`,
  text: `
    SELECT $1 AS scope, max(a.contact) AS phone, e.client, count(*)::integer AS sends, $3::integer AS max,
      $2::float8 AS within, (array_agg(e.at ORDER BY e.at DESC))[$3] + make_interval(secs => $2) AS until
    FROM (
      SELECT ${key} AS key, reference, at, CASE WHEN $4 THEN client END AS client FROM limit_entry
      WHERE ${key} IS NOT NULL AND at > now() - make_interval(secs => $2)
    ) e JOIN agreement a ON a.reference = e.reference
    WHERE a.status NOT IN ('confirmed', 'withdrawn')
    GROUP BY e.key, e.client HAVING count(*) >= $3
    ORDER BY until DESC LIMIT 100`,
});

/** What is counted no longer: other limits keep what they have counted. */
const FORGET_CONTACT: Statement = {
  name: 'limits_forget_contact',
  text: `UPDATE limit_entry SET contact = NULL WHERE contact = ANY ($1::bigint[]) RETURNING 1 AS forgotten`,
};
const FORGET: Readonly<Record<Target['kind'], Statement>> = {
  phone: FORGET_CONTACT,
  email: FORGET_CONTACT,
  prefix: {
    name: 'limits_forget_prefix',
    text: `UPDATE limit_entry SET prefix = NULL WHERE prefix = ANY ($1::bigint[]) RETURNING 1 AS forgotten`,
  },
  country: {
    name: 'limits_forget_country',
    text: `UPDATE limit_entry SET country = NULL WHERE country = ANY ($1::text[]) RETURNING 1 AS forgotten`,
  },
};

const RELEASE: Statement = {
  name: 'limits_release',
  text: `DELETE FROM limit_hold WHERE kind = $1 AND key = ANY ($2::text[]) RETURNING label`,
};

/** Every prefix and country that is held back. */
export function holds(database: OperatorDatabase): Promise<Hold[]> {
  return database.query<Hold>(HOLDS);
}

/** Numbers, addresses and prefixes that a limit stands against, at most 100 of each window. */
export async function fullOnes(database: OperatorDatabase, limits: Config['limits']): Promise<Full[]> {
  const windows = rulesOf(limits).filter((rule): rule is Rule & { scope: Full['scope'] } => {
    return !rule.guard && (rule.scope === 'contact' || rule.scope === 'prefix');
  });
  const found: Full[] = [];
  for (const { scope, secs, max, own } of windows) {
    found.push(...(await database.query<Full>(full(scope), [scope, secs, max, own])));
  }
  return found;
}

/**
 * Starts to count anew, and ends the hold if there is one.
 * @returns how many texts count no longer, and whether something was held back
 */
export async function lift(
  database: OperatorDatabase,
  contactKeys: Config['contactKeys'],
  { kind, value }: Target,
): Promise<{ readonly forgotten: number; readonly released: boolean }> {
  const ring = new LimitKeyRing(contactKeys.map(({ secret }) => ({ secret: secret.reveal() })));
  const contact = kind === 'phone' || kind === 'email';
  const keys = kind === 'country' ? [value] : contact ? ring.contact(value) : ring.prefix(value);
  const forgotten = await database.query(FORGET[kind], [keys]);
  const released = contact ? [] : await database.query(RELEASE, [kind, keys]);
  return { forgotten: forgotten.length, released: released.length > 0 };
}
