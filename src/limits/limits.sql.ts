import type { Statement } from '../database/index.js';

/**
 * Limits are sliding windows over `limit_entry`: a row for each code that was asked for, `taken` once its send was let
 * through at the claim. At the request all rows count, those still waiting too; at the claim the taken ones.
 */

/** A scope's newest rows that a request is compared with; windows that allow more are left to the claim. */
export const EARLY_MAX = 1000;

/**
 * Sends of agreements that came to an end as asked for are given back, by rules that look at it. A subquery and not a join:
 * for one the planner reads all agreements, because it cannot know how few entries it will meet (10⁵ of them: 66 ms).
 */
const UNCONFIRMED = (looked: string): string => `
  CASE WHEN ${looked} THEN
    coalesce((SELECT a.status FROM agreement a WHERE a.reference = e.reference), '') NOT IN ('confirmed', 'withdrawn')
  ELSE true END`;

/** How the keys of a request `g` lead to the rows `e` of a scope. */
const SCOPES = [
  ['contact', 'e.contact = ANY (g.contact_keys)'],
  ['prefix', 'e.prefix = ANY (g.prefix_keys)'],
  ['country', 'e.country = g.limit_country'],
  ['address', 'e.address = ANY (g.address_keys)'],
] as const;

const HELD = `(h.kind = 'prefix' AND h.key = ANY (g.prefix_keys::text[])) OR (h.kind = 'country' AND h.key = g.country)`;

/**
 * Whether the limits have anything to say of a new code `g`: as many rows in a scope as its smallest window takes, one row
 * where there is something to tell its client, or a hold. A few probes of an index, which mostly find nothing; judging
 * each code at once took PostgreSQL twice as long as the whole create.
 * @param first the number of the first of eight parameters: of each scope how far its windows reach, and that smallest one
 */
export function concerned(first: number): string {
  const full = SCOPES.map(([, condition], n) => {
    const [reach, least] = [`$${first + 2 * n}::float8`, `$${first + 2 * n + 1}::bigint`];
    const since = `now() - make_interval(secs => ${reach})`;
    const rows = `SELECT FROM limit_entry e WHERE ${condition} AND e.at > ${since} OFFSET ${least} - 1 LIMIT 1`;
    return `(${reach} IS NOT NULL AND EXISTS (${rows}))`;
  });
  // Whether anything is held back at all is asked once for all rows: mostly nothing is, and a look for each is a tenth of ADD.
  const held = `(EXISTS (SELECT FROM limit_hold WHERE until > now())
        AND EXISTS (SELECT FROM limit_hold h WHERE (${HELD}) AND h.until > now()))`;
  return `(${[...full, held].join(`
        OR `)})`;
}

/**
 * The refusals of new codes: common table expressions behind one with `n, client, contact_keys, prefix_keys, country,
 * limit_country, address_keys`. A plain read without locks: whoever comes in between is stopped at the claim.
 * @param given the name of that expression
 * @param windows the parameter with the windows, as JSON
 * @returns `verdict (n, name, until)` with a row for each that is refused, and `shares (n, used)` with what is used of the
 * client's own windows, for each of which something is
 */
export function judged(given: string, windows: string): string {
  return `
    win AS MATERIALIZED (
      SELECT * FROM json_to_recordset(${windows}::json)
        AS w (no integer, scope text, name text, max integer, secs float8, own boolean, unconfirmed boolean)
    ), reach AS MATERIALIZED (
      SELECT ${SCOPES.map(([scope]) => `max(secs) FILTER (WHERE scope = '${scope}') AS ${scope}`).join(', ')} FROM win
    ), uses AS MATERIALIZED (
      SELECT g.n, w.no, w.name, w.own, w.max, w.secs, count(*) AS used, min(e.at) AS oldest,
        (array_agg(e.at ORDER BY e.at DESC))[w.max] AS stands_in_the_way
      FROM ${given} g CROSS JOIN reach r CROSS JOIN LATERAL (${SCOPES.map(
        ([scope, condition]) => `
        SELECT '${scope}' AS scope, * FROM (
          SELECT e.reference, e.client, e.at FROM limit_entry e
          WHERE ${condition} AND e.at > now() - make_interval(secs => r.${scope}) ORDER BY e.at DESC LIMIT ${EARLY_MAX}
        ) ${scope}`,
      ).join(`
        UNION ALL`)}
      ) e
      JOIN win w ON w.scope = e.scope AND e.at > now() - make_interval(secs => w.secs)
        AND (NOT w.own OR e.client = g.client)
      WHERE ${UNCONFIRMED('w.unconfirmed')}
      GROUP BY g.n, w.no, w.name, w.own, w.max, w.secs
    ), verdict AS MATERIALIZED (
      SELECT DISTINCT ON (n) n, name, until FROM (
        SELECT n, no, name, stands_in_the_way + make_interval(secs => secs) AS until FROM uses WHERE used >= max
        UNION ALL
        SELECT g.n, 1000, h.reason, h.until FROM ${given} g JOIN limit_hold h ON ${HELD}
        WHERE h.until > now()
      ) refusal
      ORDER BY n, until DESC, no
    ), shares AS MATERIALIZED (
      SELECT n, json_agg(json_build_object('no', no, 'used', used,
        'reset', ceil(extract(epoch FROM oldest - now()) + secs))) AS used
      FROM uses WHERE own GROUP BY n
    )`;
}

/** What the caller is told, of `verdict v` and `shares s`. */
export const JUDGEMENT = `
      v.name AS "limit", ceil(extract(epoch FROM v.until - now()))::integer AS wait, s.used`;

/** One new code by itself. */
export const JUDGE: Statement = {
  name: 'limit_judge',
  text: `
    WITH asked AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS g (
        n integer, client text, contact_keys bigint[], prefix_keys bigint[], country text, limit_country text,
        address_keys bigint[]
      )
    ), ${judged('asked', '$2')}
    SELECT ${JUDGEMENT} FROM asked a LEFT JOIN verdict v USING (n) LEFT JOIN shares s USING (n)`,
};

/**
 * Everybody who claims under one of these keys waits here for everybody else who does, until the end of the transaction.
 * In the order given, which must be the same everywhere. A statement of its own: counting in the statement that locks
 * looks at a time before the lock (60 parallel claims under a cap of 5: 60 let through; in two statements: 5).
 */
export const LOCK: Statement = {
  name: 'limit_lock',
  text: `SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key`,
};

/**
 * What was taken in each of the windows asked for: all of it, and what was not confirmed. A window that two rules have, as
 * a prefix and its guard by default, is counted once. Of a country or an address no more than `most` of the newest are looked
 * at: a whole day of a country took 7.8 s with 10⁶ sends, and more than the limit need not be counted to refuse.
 */
export const USAGE: Statement = {
  name: 'limit_usage',
  text: `
    SELECT unnest(q.ids) AS id, u.sends::integer AS sends, u.unconfirmed::integer AS unconfirmed
    FROM (
      SELECT array_agg(id) AS ids, scope, keys, country, client, secs, confirmations, most
      FROM json_to_recordset($1::json) AS asked (id integer, scope text, keys bigint[], country text, client text,
        secs float8, confirmations boolean, most integer)
      GROUP BY scope, keys, country, client, secs, confirmations, most
    ) q
    CROSS JOIN LATERAL (
      SELECT count(*) AS sends, count(*) FILTER (WHERE ${UNCONFIRMED('q.confirmations')}) AS unconfirmed
      FROM (
        SELECT reference, client, at, taken FROM limit_entry WHERE q.scope = 'contact' AND contact = ANY (q.keys)
        UNION ALL
        SELECT reference, client, at, taken FROM limit_entry WHERE q.scope = 'prefix' AND prefix = ANY (q.keys)
        UNION ALL
        (SELECT reference, client, at, taken FROM limit_entry
         WHERE q.scope = 'country' AND country = q.country AND taken ORDER BY at DESC LIMIT q.most)
        UNION ALL
        (SELECT reference, client, at, taken FROM limit_entry
         WHERE q.scope = 'address' AND address = ANY (q.keys) AND taken ORDER BY at DESC LIMIT q.most)
      ) e
      WHERE e.taken AND e.at > now() - make_interval(secs => q.secs) AND (q.client IS NULL OR e.client = q.client)
    ) u`,
};

/**
 * These sends count from now on. The row is there since the code was asked for, unless a release without limits took the
 * request; it is counted by the settings of whoever sends, which may differ for a while. The time is that of the
 * statement: the transaction may have waited for its locks.
 */
export const TAKE: Statement = {
  name: 'limit_take',
  text: `
    INSERT INTO limit_entry (reference, generation, client, contact, prefix, country, address, at, taken)
    SELECT t.*, clock_timestamp(), true
    FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[]) AS t
    ON CONFLICT (reference, generation) DO UPDATE SET taken = true, at = excluded.at,
      contact = excluded.contact, prefix = excluded.prefix, country = excluded.country`,
};

/** What waited and will not be sent. */
export const GIVE_UP: Statement = {
  name: 'limit_give_up',
  text: `
    DELETE FROM limit_entry e USING unnest($1::uuid[], $2::integer[]) AS g (reference, generation)
    WHERE e.reference = g.reference AND e.generation = g.generation AND NOT e.taken`,
};

/**
 * Holds a prefix or a country back until the send that is `$6` from the newest leaves the window; gives a row where it
 * was not held before. What was held longer stays so.
 */
export const HOLD: Statement = {
  name: 'limit_hold',
  text: `
    INSERT INTO limit_hold AS h (kind, key, label, reason, until, sends, confirmed)
    SELECT $1, $2, $3, $4, e.at + make_interval(secs => $7), $8, $9
    FROM (
      SELECT at FROM limit_entry WHERE $1 = 'prefix' AND prefix = ANY ($5::bigint[]) AND taken
      UNION ALL
      SELECT at FROM limit_entry WHERE $1 = 'country' AND country = $2 AND taken
    ) e
    WHERE e.at > now() - make_interval(secs => $7)
    ORDER BY e.at DESC OFFSET $6::integer - 1 LIMIT 1
    ON CONFLICT (kind, key) DO UPDATE
      SET until = greatest(h.until, excluded.until), sends = excluded.sends, confirmed = excluded.confirmed
    RETURNING h.label, h.until, h.xmax = 0 AS new`,
};
