import type { Attack } from './answers.js';
import { guessBudget } from './budget.js';
import { distribution, guessableRandom, stolenDump } from './codes.js';
import { confusedConfirms, confusedCreates } from './confusing.js';
import type { DeploymentSettings } from './deployment.js';
import { floodedPhone } from './flooding.js';
import { forgedAddresses, forgedChains } from './forging.js';
import { guessesOverResends, misplacedCodes, parallelGuesses, parallelRightCodes } from './guessing.js';
import { leakCanary } from './leaking.js';
import { claimedPrefix, heldPrefix, pumpedPrefix, unreachablePhones } from './pumping.js';
import { parallelCreates, parallelResends } from './resending.js';
import { foreignByTime, keysByTime } from './timing.js';
import { foreignKeys, rebinding, wrongKeys } from './trespassing.js';
import { floodedVictim } from './victims.js';

/** How the processes are set up for a group of attacks; one deployment carries a whole group. */
export const DEPLOYMENTS = {
  usual: {},
  'without an interval between codes': { env: { OTP_RESEND_INTERVAL: '0', OTP_LENGTH: '10' } },
  'open to everybody': { open: true },
  'with five texts to a number': { env: { LIMIT_PHONE: '5/600,10/86400', LIMIT_PHONE_ALL: '20/86400' } },
  'with five texts to an address': { env: { LIMIT_IP: '5/3600', OTP_RESEND_INTERVAL: '0' } },
  'with five texts to an address, behind proxies': { env: { LIMIT_IP: '5/3600', TRUSTED_PROXIES: '127.0.0.0/8' } },
  'with its own limits': { ownLimits: true },
  'with two workers and seven texts to a prefix': {
    worker: { LIMIT_PREFIX: '7/600', SMS_CONCURRENCY: '10' },
    workers: 2,
  },
  'with a guard from ten texts on': { ownLimits: true, env: { LIMIT_PREFIX: 'off', GUARD_MIN_SENDS: '10' } },
  'with texts to two countries': { env: { PHONE_COUNTRIES: 'RU,KZ' } },
  'on Kafka, with every line of the log': {
    kafka: true,
    env: { OTP_RESEND_INTERVAL: '0', OTP_LENGTH: '10', LOG_LEVEL: 'trace' },
  },
} as const satisfies Record<string, DeploymentSettings>;

/** One attack: on which deployment it is led, and what. */
export interface Led {
  readonly on: keyof typeof DEPLOYMENTS;
  readonly attack: Attack;
}

const usual = (attack: Attack): Led => ({ on: 'usual', attack });

/** Every attack by what it tries. */
export const ATTACKS = {
  '200 parallel guesses': usual(parallelGuesses),
  'guesses over resends': usual(guessesOverResends),
  '50 parallel right codes': usual(parallelRightCodes),
  '50 parallel resends': usual(parallelResends),
  '50 parallel creates with one key': usual(parallelCreates),
  'codes where they do not belong': usual(misplacedCodes),
  'confused confirms': usual(confusedConfirms),
  'confused creates': usual(confusedCreates),
  'guessing the next code': usual(distribution),
  'chance that can be guessed': usual(guessableRandom),
  'a stolen dump': usual(stolenDump),
  "another client's agreements": usual(foreignKeys),
  'wrong keys': usual(wrongKeys),
  'foreign agreements by time': usual(foreignByTime),
  'nearly right keys by time': usual(keysByTime),
  'any order of guesses and resends': { on: 'without an interval between codes', attack: guessBudget },
  '50 agreements for one phone': { on: 'with five texts to a number', attack: floodedPhone },
  "a victim's number flooded": { on: 'with five texts to a number', attack: floodedVictim },
  'invented addresses': { on: 'with five texts to an address', attack: forgedAddresses },
  'invented chains of proxies': { on: 'with five texts to an address, behind proxies', attack: forgedChains },
  '1000 creates in one prefix': { on: 'with its own limits', attack: pumpedPrefix },
  '40 sends of one prefix claimed at once': {
    on: 'with two workers and seven texts to a prefix',
    attack: claimedPrefix,
  },
  'a prefix where nobody confirms': { on: 'with a guard from ten texts on', attack: heldPrefix },
  'numbers that no text should go to': { on: 'with texts to two countries', attack: unreachablePhones },
  'rebinding a name': { on: 'open to everybody', attack: rebinding },
  'a leak of a code or a number': { on: 'on Kafka, with every line of the log', attack: leakCanary },
} as const satisfies Record<string, Led>;

export type AttackName = keyof typeof ATTACKS;

/** The holes that an attack finds; one that cannot be led is a hole as well. */
export async function holesOf(attack: Attack, ...on: Parameters<Attack>): Promise<string[]> {
  try {
    return await attack(...on);
  } catch (error) {
    return [`it could not be led to its end: ${String(error)}`];
  }
}
