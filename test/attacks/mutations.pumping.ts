import type { Mutation } from './mutations.js';

const TOO_MANY_AT_ONCE = {
  '40 sends of one prefix claimed at once': /40 sends that were claimed at once gave \d+ texts/,
};

/** Defects of what keeps texts from being sent for somebody else's gain. */
export const OF_PUMPING: Readonly<Record<string, Mutation>> = {
  'claims do not wait for each other': {
    found: TOO_MANY_AT_ONCE,
    file: 'limits/limits.sql.js',
    replace: [['SELECT pg_advisory_xact_lock(key) FROM', 'SELECT key FROM']],
  },
  'a claim sees nothing that was sent': {
    found: TOO_MANY_AT_ONCE,
    file: 'limits/limits.sql.js',
    replace: [['WHERE e.taken AND', 'WHERE false AND']],
  },
  'what is let through is not marked': {
    found: TOO_MANY_AT_ONCE,
    file: 'limits/limits.sql.js',
    replace: [['DO UPDATE SET taken = true, at =', 'DO UPDATE SET at =']],
  },
  'a claim refuses nothing': {
    found: TOO_MANY_AT_ONCE,
    file: 'limits/admission.js',
    replace: [['if (refusal) return refusal[1].rule.name;', '']],
  },
  'each number is a prefix of its own': {
    found: { '1000 creates in one prefix': /1000 creates in one prefix sent \d+ texts/ },
    file: 'limits/limit-keys.js',
    replace: [['e164.slice(0, -BEYOND_PREFIX)', 'e164']],
  },
  'the guard refuses nothing': {
    found: { 'a prefix where nobody confirms': /a prefix where nobody confirms was sent 30 texts/ },
    file: 'limits/admission.js',
    replace: [['sends >= guard.minSends && (sends', 'false && (sends']],
  },
  'the type of a number is not looked at': {
    found: { 'numbers that no text should go to': /a number that is not_mobile is answered 201/ },
    file: 'agreement/phone-number.js',
    replace: [["if (!REACHABLE.has(type)) throw refused('not_mobile');", '']],
  },
  'the country of a number is not looked at': {
    found: { 'numbers that no text should go to': /a number that is country is answered 201/ },
    file: 'agreement/phone-number.js',
    replace: [["policy.countries !== '*' && ", 'false && ']],
  },
};
