import { ValidateBy, ValidateIf } from 'class-validator';

/** The field may be missing; null is not missing. */
export function IfGiven(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}

/** The field may be missing where the other one is given. */
export function NeededUnless(other: string): PropertyDecorator {
  return ValidateIf((input: Record<string, unknown>, value) => value !== undefined || input[other] === undefined);
}

/** The field may be given, but not beside the other one. */
export function InsteadOf(other: string): PropertyDecorator {
  const alone = ValidateBy({
    name: 'insteadOf',
    validator: {
      validate: (_, args) => (args?.object as Record<string, unknown>)[other] === undefined,
      defaultMessage: () => `must not be given beside ${other}`,
    },
  });
  return (target, name) => {
    for (const decorate of [IfGiven(), alone]) decorate(target, name);
  };
}

/** A string of so many characters that PostgreSQL can keep: no NUL, no half of a surrogate pair. */
export function IsText(min: number, max: number): PropertyDecorator {
  return check('isText', `must be a text of ${min} to ${max} characters`, (value) => isText(value, min, max));
}

const RFC_3339 = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** A time with its zone (RFC 3339): without one it would mean something else on every server. */
export function IsTime(): PropertyDecorator {
  return check('isTime', 'must be a time with zone such as 2026-01-31T12:00:00Z', (value) => {
    const day = typeof value === 'string' ? RFC_3339.exec(value)?.[1] : undefined;
    return day !== undefined && isDay(day) && hasYear(new Date(value as string));
  });
}

/** In UTC it may be the year 10000, or one before the first, which are written in another way. */
function hasYear(time: Date): boolean {
  return !Number.isNaN(time.getTime()) && time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999;
}

/** `Date.parse` takes 31 February for 3 March. */
function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}

/** A whole number in a query: digits, nothing else. */
export function IsCount(min: number, max: number): PropertyDecorator {
  return check('isCount', `must be a whole number from ${min} to ${max}`, (value) => {
    return typeof value === 'string' && /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max;
  });
}

/** What callers may attach: at most 20 pairs, keys to 40 and values to 500 characters. */
export function IsMetadata(): PropertyDecorator {
  const expected = 'must be an object of at most 20 pairs, keys of 1 to 40 and values of 0 to 500 characters';
  return check('isMetadata', expected, (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const pairs = Object.entries(value);
    return pairs.length <= 20 && pairs.every(([key, text]) => isText(key, 1, 40) && isText(text, 0, 500));
  });
}

function isText(value: unknown, min: number, max: number): boolean {
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) return false;
  const { length } = [...value];
  return length >= min && length <= max;
}

function check(name: string, expected: string, validate: (value: unknown) => boolean): PropertyDecorator {
  return ValidateBy({ name, validator: { validate, defaultMessage: () => expected } });
}
