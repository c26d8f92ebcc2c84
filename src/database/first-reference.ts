/**
 * SQL for the least reference of a moment: it begins with 48 bits of milliseconds (UUIDv7, RFC 9562 §5.7), so that a stretch
 * of time is a stretch of the primary key.
 * @param secondsAgo SQL for how many seconds the moment lies back
 */
export function firstReference(secondsAgo: string): string {
  const milliseconds = `(extract(epoch FROM now()) - ${secondsAgo}::float8) * 1000`;
  return `rpad(lpad(to_hex((${milliseconds})::bigint), 12, '0'), 32, '0')::uuid`;
}
