import { parseArgs } from 'node:util';

/** What the bench tells an arm of its own; the service gets the same by its environment. */
export interface ArmArguments {
  readonly port: number;
  readonly databaseUrl: string;
  /** SHA-256 of the one API key. */
  readonly keyDigest: Buffer;
  readonly poller: boolean;
  /** Of the floor: what arrives together goes in one statement. */
  readonly batched: boolean;
  /** Of the floor: no key is checked and nothing is logged. */
  readonly bare: boolean;
}

/** Reads the command line of an arm. @throws where an argument is missing or unknown */
export function armArguments(): ArmArguments {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'database-url': { type: 'string' },
      'key-digest': { type: 'string' },
      'no-poller': { type: 'boolean', default: false },
      batched: { type: 'boolean', default: false },
      bare: { type: 'boolean', default: false },
    },
  });
  const { port, 'database-url': databaseUrl, 'key-digest': keyDigest, 'no-poller': noPoller, batched, bare } = values;
  if (port === undefined || databaseUrl === undefined || keyDigest === undefined) {
    throw new Error('--port, --database-url and --key-digest are needed');
  }
  const digest = Buffer.from(keyDigest, 'hex');
  return { port: Number(port), databaseUrl, keyDigest: digest, poller: !noPoller, batched, bare };
}
