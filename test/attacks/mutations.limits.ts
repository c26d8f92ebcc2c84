import type { Mutation } from './mutations.js';

/** Defects of what is counted. */
export const OF_LIMITS: Readonly<Record<string, Mutation>> = {
  'no limit refuses anything': {
    found: { '50 agreements for one phone': /50 agreements for one phone sent \d+ texts/ },
    file: 'limits/admission.js',
    // At the request too: whether enough slips through there is chance.
    replace: [
      ['if (refusal) return refusal[1].rule.name;', ''],
      ['!guard && max <= EARLY_MAX', 'false'],
    ],
  },
};
