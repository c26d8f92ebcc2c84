import { expectFound } from './mutants.js';
import { OF_LIMITS } from './mutations.limits.js';
import { OF_PUMPING } from './mutations.pumping.js';
import { OF_VICTIMS } from './mutations.victims.js';

expectFound({ ...OF_LIMITS, ...OF_PUMPING, ...OF_VICTIMS });
