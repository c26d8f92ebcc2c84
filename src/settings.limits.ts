import type { Environment } from './environment.js';
import type { Config, Window } from './settings.js';

/** 24 days: what is counted is kept as long as the longest window, and no timer runs longer. */
const LONGEST_WINDOW = 2_073_600;

/** How much may be sent to, from and through whom. */
export function limitSettings(env: Environment): Config['limits'] {
  return {
    phone: windows(env, 'LIMIT_PHONE', '5/600,10/86400'),
    phoneAll: windows(env, 'LIMIT_PHONE_ALL', '20/86400'),
    prefix: windows(env, 'LIMIT_PREFIX', '50/3600'),
    country: windows(env, 'LIMIT_COUNTRY', 'off'),
    client: windows(env, 'LIMIT_CLIENT', 'off'),
    address: windows(env, 'LIMIT_IP', 'off'),
    guard: {
      minSends: env.integer('GUARD_MIN_SENDS', 50, 1, 1_000_000),
      minConversion: env.parsed('GUARD_MIN_CONVERSION', 'a number from 0 to 1, such as 0.05', share) ?? 0.05,
      window: env.seconds('GUARD_WINDOW', 3600, 1, LONGEST_WINDOW),
      countries: env.flag('GUARD_COUNTRIES', false),
    },
  };
}

/** The longest window of a limit, in milliseconds; 0 where nothing is limited. */
export function longestLimit({ guard: _, ...limits }: Config['limits']): number {
  return Math.max(0, ...Object.values(limits).flatMap((all) => all.map(({ within }) => within)));
}

/** How long a send is counted, in milliseconds: by a limit or by the guard. */
export function longestWindow(limits: Config['limits']): number {
  return Math.max(limits.guard.window, longestLimit(limits));
}

function windows(env: Environment, name: string, fallback: string): readonly Window[] {
  const expected = `off or a list of count/seconds such as 5/600,10/86400, at most ${LONGEST_WINDOW} seconds`;
  return env.parsed(name, expected, parseWindows) ?? parseWindows(fallback) ?? [];
}

function parseWindows(text: string): readonly Window[] | undefined {
  if (text === 'off') return [];
  const parsed = text.split(',').map((entry) => {
    const [, max, seconds] = /^([1-9]\d{0,8})\/([1-9]\d{0,6})$/.exec(entry.trim()) ?? [];
    return Number(seconds) <= LONGEST_WINDOW ? { max: Number(max), within: Number(seconds) * 1000 } : undefined;
  });
  return parsed.every((window) => window !== undefined) ? parsed : undefined;
}

function share(text: string): number | undefined {
  return /^(0(\.\d+)?|1(\.0+)?)$/.test(text) ? Number(text) : undefined;
}
