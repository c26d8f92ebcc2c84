import { types } from 'node:util';

/** The database cannot be used now; the same request may well succeed a moment later. */
export class DatabaseUnavailable extends Error {}

/**
 * SQLSTATE classes that speak of the server's state, not of the statement: 08 connection, 53 resources,
 * 57P operator intervention, 25006 read-only, 25P03 a transaction that idled, 55P03 and 40P01 locks (PostgreSQL, appendix A).
 */
const SERVER_STATE = /^(08...|53...|57P0[1-5]|57014|25006|25P03|40P01|55P03)$/;

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/**
 * The server is not who it should be (codes of OpenSSL and Node): for callers it is away, and it may be right again when
 * its new certificate is in place.
 */
const NOT_TRUSTED =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|HOSTNAME_MISMATCH)/;

/** Messages of pg, which gives these errors no code. */
const PG_MESSAGES =
  /server does not support SSL|establishing an SSL connection|timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable|Cannot use a pool after calling end|timeout expired/;

/** The server's last words on a connection that it ends: an administrator's, or those of a shutdown. */
const LAST_WORDS = /^(08...|25P03|57P0[1-5])$/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Whether an error, or what caused it, says that the database is away rather than that the statement is wrong. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  // Not instanceof: an error of Node's own is of another realm than a program that runs in a vm context, as under jest.
  if (!types.isNativeError(error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && (SERVER_STATE.test(code) || SOCKET_CODES.has(code) || NOT_TRUSTED.test(code))) {
    return true;
  }
  if (PG_MESSAGES.test(error.message)) return true;
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.some(isUnavailable);
  return isUnavailable(error.cause);
}

/** Whether the server gave a statement up because it and another waited for each other: nothing of it was done. */
export function isDeadlock(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  return ('code' in error && error.code === '40P01') || isDeadlock(error.cause);
}

/** Whether a statement was given up for the time that it took or waited for a lock: one row in it may have been the reason. */
export function isTimeout(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  return ('code' in error && (error.code === '57014' || error.code === '55P03')) || isTimeout(error.cause);
}

/** Whether the connection itself is gone or silent, rather than the server unable to do what it was asked on it. */
export function isConnectionLost(error: unknown): boolean {
  const code = types.isNativeError(error) && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && SQLSTATE.test(code) && !SOCKET_CODES.has(code)) return LAST_WORDS.test(code);
  return isUnavailable(error);
}

/** What made the database unavailable, for a log: such errors speak of servers and connections, never of values. */
export function causeOf(error: unknown): string {
  if (!types.isNativeError(error)) return String(error);
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.map(causeOf).join('; ');
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
}
