import { types } from 'node:util';

/**
 * SQLSTATE classes whose messages name what is wrong and hold no value: a constraint (23), a name or the text of the
 * statement (42). Others quote what they were given: `invalid input syntax for type uuid: "…"` (PostgreSQL, appendix A).
 */
const SPEAKS_OF_NAMES = /^(23|42)...$/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/**
 * PostgreSQL refused a statement. Of what it said only that is kept which cannot repeat a row or a parameter: an error of
 * the driver holds whole rows in its `detail`, and where it is logged, or thrown on, contacts go along.
 */
export class StatementRefused extends Error {
  /** SQLSTATE. */
  readonly code: string;
  /** The constraint that was violated; undefined where it was none. */
  readonly constraint: string | undefined;

  /** @param statement its name */
  constructor(statement: string, code: string, error: Error & { readonly constraint?: unknown }) {
    super(`${statement} refused: ${SPEAKS_OF_NAMES.test(code) ? `${error.message} (${code})` : `SQLSTATE ${code}`}`);
    this.name = 'StatementRefused';
    this.code = code;
    this.constraint = typeof error.constraint === 'string' ? error.constraint : undefined;
  }
}

/**
 * What may be thrown on of an error of the driver: the server's answers without their values, anything else as it is.
 * @param statement its name
 */
export function withoutValues(error: unknown, statement: string): unknown {
  if (!types.isNativeError(error)) return error;
  const { code } = error as { code?: unknown };
  // Such errors of the server have a severity; one of the socket has a code like EPIPE alone.
  const refused = typeof code === 'string' && SQLSTATE.test(code) && 'severity' in error;
  return refused ? new StatementRefused(statement, code, error) : error;
}
