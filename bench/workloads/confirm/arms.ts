import { createHash, createHmac, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type Arm, KEY, serviceArm } from '../../arms.js';
import { guessedAt, type HashOfCode, PendingAgreements } from '../../pending-agreements.js';
import { Server, type ServerCommand } from '../../processes.js';
import type { Bench } from '../../workload.js';

/** An arm that takes guesses. */
export interface GuessArm {
  readonly name: string;
  readonly server: Server;
  readonly pending: PendingAgreements;
  /** Where it compares with a hash of its own. */
  readonly hashOf: HashOfCode | undefined;
}

type Unstarted = Pick<Arm, 'name' | 'prepare' | 'command'> & { readonly hashOf?: HashOfCode };

const CODE_KEY = randomBytes(32).toString('hex');

const hashOf: HashOfCode = (reference, code) => createHmac('sha256', CODE_KEY).update(reference).update(code).digest();

function floor(name: string, statements: string): Unstarted {
  const script = fileURLToPath(new URL('../../confirm-floor/main.js', import.meta.url));
  const digest = createHash('sha256').update(KEY).digest('hex');
  const command = (port: number, databaseUrl: string): ServerCommand => {
    const more = ['--key-digest', digest, '--code-key', CODE_KEY, '--statements', statements];
    return { script, args: ['--port', String(port), '--database-url', databaseUrl, ...more], env: {} };
  };
  return { name, prepare: (databaseUrl) => serviceArm('ours').prepare(databaseUrl), command, hashOf };
}

const ARMS: readonly Unstarted[] = [guessedAt('ours'), floor('floor', 'two'), floor('floor-one-statement', 'one')];

/** Starts all of them, each with a database of its own. @param ends what ends them */
export async function startGuessArms(
  { postgres, cores }: Pick<Bench, 'postgres' | 'cores'>,
  ends: AsyncDisposableStack,
): Promise<GuessArm[]> {
  const started: GuessArm[] = [];
  for (const arm of ARMS) {
    const databaseUrl = await postgres.createDatabase(`bench_confirm_${arm.name.replaceAll('-', '_')}`);
    await arm.prepare(databaseUrl);
    const pending = ends.adopt(await PendingAgreements.record(databaseUrl), (it) => it.end());
    const starting = Server.start(arm.name, (port) => arm.command(port, databaseUrl), '/health/ready', cores?.server);
    const server = ends.adopt(await starting, (it) => it.stop());
    started.push({ name: arm.name, server, pending, hashOf: arm.hashOf });
  }
  return started;
}
