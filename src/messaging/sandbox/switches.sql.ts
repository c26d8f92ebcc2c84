import type { Statement } from '../../database/index.js';

/** How long a text takes while `slow` is on, in seconds. */
export const SLOW_BY = 10;

/** How the switches stand. */
export const SWITCHES: Statement = {
  name: 'sandbox_switches',
  text: `SELECT undelivered, slow, down FROM sandbox_switch`,
};

/** Those that are null stay as they are. */
export const SWITCH: Statement = {
  name: 'sandbox_switch',
  text: `
    INSERT INTO sandbox_switch AS s (undelivered, slow, down)
    VALUES (coalesce($1::boolean, false), coalesce($2::boolean, false), coalesce($3::boolean, false))
    ON CONFLICT (single) DO UPDATE
    SET undelivered = coalesce($1, s.undelivered), slow = coalesce($2, s.slow), down = coalesce($3, s.down)
    RETURNING undelivered, slow, down`,
};

/**
 * Keeps a text as the switches say, in one statement: none where the provider is down. What never arrives becomes visible
 * in all eternity. A repeat finds what the first try has kept, whatever has been switched since.
 */
export const KEEP: Statement = {
  name: 'sandbox_keep',
  text: `
    INSERT INTO sandbox_message AS kept (id, reference, phone, text, channel, subject, html, visible_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, CASE
      WHEN s.undelivered THEN 'infinity'
      WHEN s.slow THEN now() + interval '${SLOW_BY} seconds'
      ELSE now()
    END
    FROM (VALUES (true)) AS always LEFT JOIN sandbox_switch s ON true
    WHERE s.down IS NOT TRUE
    ON CONFLICT (id) DO UPDATE SET id = kept.id
    RETURNING visible_at = 'infinity' AS undelivered`,
};

/** What has arrived, and what never will: to the number $1 or the address $2 (in lower case), or all where $3. */
export const NEWEST: Statement = {
  name: 'sandbox_newest',
  text: `
    SELECT id, reference, phone AS "to", text, sent_at, channel, subject, html,
      CASE WHEN visible_at = 'infinity' THEN 'undelivered' ELSE 'sent' END AS delivery
    FROM sandbox_message
    WHERE (phone = $1 OR lower(phone) = $2 OR $3) AND (visible_at <= now() OR visible_at = 'infinity')
    ORDER BY sent_at DESC, id DESC LIMIT 100`,
};
