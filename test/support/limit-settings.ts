import { count, duration, flag, type Setting, setting } from './setting.js';

const NOT_WINDOWS = [
  '5',
  '0/600',
  '5/0',
  '5/600,',
  '5/600;10/86400',
  '-5/600',
  '5/1.5',
  '5/2073601',
  'OFF',
  'off,5/600',
  '05/600',
];

function windows(
  name: string,
  read: Setting['read'],
  fallback: readonly (readonly [max: number, seconds: number])[],
): Setting {
  const inMilliseconds = (all: typeof fallback): object[] =>
    all.map(([max, seconds]) => ({ max, within: seconds * 1000 }));
  const takes = [
    ['off', []],
    ['3/60', inMilliseconds([[3, 60]])],
    [
      '5/600, 999999999/2073600',
      inMilliseconds([
        [5, 600],
        [999_999_999, 2_073_600],
      ]),
    ],
  ] as const;
  return setting(name, read, inMilliseconds(fallback), takes, NOT_WINDOWS);
}

/** The settings of how much may be sent. */
export const LIMITS: readonly Setting[] = [
  windows('LIMIT_PHONE', (c) => c.limits.phone, [
    [5, 600],
    [10, 86_400],
  ]),
  windows('LIMIT_PHONE_ALL', (c) => c.limits.phoneAll, [[20, 86_400]]),
  windows('LIMIT_PREFIX', (c) => c.limits.prefix, [[50, 3600]]),
  windows('LIMIT_COUNTRY', (c) => c.limits.country, []),
  windows('LIMIT_CLIENT', (c) => c.limits.client, []),
  windows('LIMIT_IP', (c) => c.limits.address, []),
  count('GUARD_MIN_SENDS', (c) => c.limits.guard.minSends, 50, 1, 1_000_000),
  setting(
    'GUARD_MIN_CONVERSION',
    (c) => c.limits.guard.minConversion,
    0.05,
    [
      ['0', 0],
      ['0.125', 0.125],
      ['1', 1],
      ['1.0', 1],
    ],
    ['-0.1', '1.1', '5', '5%', '.5', '0,05', '1e-1', '0x1', ' 0.5', 'NaN'],
  ),
  duration('GUARD_WINDOW', (c) => c.limits.guard.window, 3600, 1, 2_073_600),
  flag('GUARD_COUNTRIES', (c) => c.limits.guard.countries, false),
];
