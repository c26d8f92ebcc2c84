import type { Mutation } from './mutations.js';

/** Makes every connection that of a trusted proxy: of two options with one name the later one counts. */
const EVERYBODY = ['rewriteUrl: readableUrl,', 'rewriteUrl: readableUrl, trustProxy: true,'] as const;

/** Defects of whom a text counts for, and of what others see of it. */
export const OF_VICTIMS: Readonly<Record<string, Mutation>> = {
  'everybody is a trusted proxy': {
    found: { 'invented addresses': /invented addresses had \d+ creates taken/ },
    file: 'http/server.js',
    replace: [EVERYBODY],
  },
  'an address is not counted': {
    found: { 'invented addresses': /invented addresses had 24 creates taken/ },
    file: 'limits/send-limits.js',
    replace: [["this.#counts.has('address') ? ip : null", 'null']],
  },
  'whoever a chain of proxies begins with is believed': {
    found: { 'invented chains of proxies': /an address had \d+ of 12 creates taken/ },
    file: 'http/server.js',
    replace: [EVERYBODY],
  },
  "a number's limit counts what other clients sent": {
    found: { "a victim's number flooded": /create 1 was answered 429 to the number and 201 to one/ },
    file: 'limits/admission.js',
    replace: [['own: true', 'own: false']],
  },
  'a send is held against what other clients sent': {
    found: { "a victim's number flooded": /create 1, once it was sent, has another body: .*"failed"/ },
    file: 'limits/admission.js',
    replace: [['client: rule.own ? client : null', 'client: null']],
  },
  'RateLimit shows what other clients sent': {
    found: { "a victim's number flooded": /has other RateLimit: / },
    file: 'limits/limits.sql.js',
    replace: [
      ["json_build_object('no', no,", "json_build_object('no', 1,"],
      ['FROM uses WHERE own', "FROM uses WHERE NOT own AND name = 'phone'"],
    ],
  },
  'a lift lifts nothing': {
    found: { "a victim's number flooded": /after the lift .* 429 send_limit_reached/ },
    file: 'limits/limits.operator.js',
    replace: [['UPDATE limit_entry SET contact = NULL', 'UPDATE limit_entry SET contact = contact']],
  },
};
