import type { SmsTime } from './sms-gateway.js';

/** Seconds: what is sent at all is given the time to arrive. */
const SHORTEST = 5;
const DAY = 86_400;
/** Days have two digits; months and years, whose length an SMSC would have to choose, stay zero. */
const LONGEST = 100 * DAY - 1;

/**
 * The `validity_period` of a text that is handed over now: relative, `YYMMDDhhmmsstnnR` (SMPP 3.4 §7.1.1.2), so that the
 * clock of the SMSC does not matter. Full seconds, rounded down, 5 at least; empty where the end of its use is not known.
 */
export function validityOf({ usefulBefore }: SmsTime, now = performance.now()): string {
  if (usefulBefore === undefined) return '';
  const seconds = Math.min(LONGEST, Math.max(SHORTEST, Math.floor((usefulBefore - now) / 1000)));
  const fields = [
    Math.floor(seconds / DAY),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  return `0000${fields.map((field) => String(field).padStart(2, '0')).join('')}000R`;
}
