import type { Environment } from './environment.js';
import type { Config } from './settings.js';

/** A hundred years, in seconds. */
const FOR_GOOD = 3_153_600_000;

/** How long things are kept after an agreement was closed. */
export function retentionSettings(env: Environment): Config['retention'] {
  return {
    contact: env.seconds('RETENTION_CONTACT', 31_536_000, 0, FOR_GOOD),
    delivery: env.seconds('RETENTION_DELIVERY', 7_776_000, 0, FOR_GOOD),
  };
}
