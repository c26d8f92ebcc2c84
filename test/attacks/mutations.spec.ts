import { expectFound } from './mutants.js';
import { MUTATIONS } from './mutations.js';

const all = Object.entries(MUTATIONS);

expectFound(Object.fromEntries(all.filter((_, n) => n % 2 === 0)));
