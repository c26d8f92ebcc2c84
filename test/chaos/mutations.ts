import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A defect, put into the built service on purpose, that the checker has to see. */
export interface Mutation {
  /** The verdict that must turn red. */
  readonly breaks: string;
  /** What has to go wrong for it to be seen, as `--faults` takes it. */
  readonly faults: string;
  /** Below `dist/`. */
  readonly file: string;
  readonly replace: readonly (readonly [from: string, to: string])[];
}

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'an event is forgotten before it is acknowledged': {
    breaks: 'I1',
    faults: 'kill -9 of the broker',
    file: 'outbox/outbox.relay.js',
    replace: [
      [
        'const refused = await this.publisher.publish(batch);',
        'await this.database.query(DELETE, [batch.map(({ seq })=>seq)]); const refused = await this.publisher.publish(batch);',
      ],
    ],
  },
  'an offset is committed before its message is handled': {
    breaks: 'I1',
    faults: 'death at consumer.received',
    file: 'kafka/key-ordered-batch.js',
    replace: [
      [
        'const timer = setInterval(()=>this.#beat(), PULSE);',
        'this.#finished = this.#done.length; await this.#commit(true); this.#finished = 0; const timer = setInterval(()=>this.#beat(), PULSE);',
      ],
      ['async #commit() {', 'async #commit(first = false) { if (!first) return;'],
    ],
  },
  'a text is sent before its try is committed': {
    breaks: 'I2',
    faults: 'none',
    file: 'messaging/send.sql.js',
    replace: [
      ['UPDATE send s SET try = s.try + 1, next_attempt_at', 'UPDATE send s SET next_attempt_at'],
      [
        'INSERT INTO send_try (reference, generation, try, provider)\n      SELECT reference, generation, try, provider FROM claimed',
        'SELECT 1',
      ],
    ],
  },
  'a change is saved on any version': {
    breaks: 'I3',
    faults: 'none',
    file: 'agreement/agreement.sql.js',
    replace: [
      [
        'WHERE a.reference = ANY ($4::uuid[]) AND a.reference = q.reference AND a.version = q.version',
        'WHERE a.reference = ANY ($4::uuid[]) AND a.reference = q.reference',
      ],
    ],
  },
  'a claim takes no lease': {
    breaks: 'I4',
    faults: 'none',
    file: 'messaging/send.sql.js',
    replace: [
      [
        'next_attempt_at = now() + make_interval(secs => $2)',
        'next_attempt_at = now() + make_interval(secs => $2) * 0',
      ],
    ],
  },
  'a send is let through and not counted': {
    breaks: 'L1',
    faults: 'none',
    file: 'limits/send-limits.js',
    replace: [['await this.#write(query, taken, wishes);', '']],
  },
  'a receipt is confirmed before it is kept': {
    breaks: 'R1',
    faults: 'none',
    file: 'messaging/receipts.js',
    replace: [
      ['const [kept] = await this.database.query(KEEP, [', 'const [kept] = ((_statement, _values) => [])(KEEP, ['],
    ],
  },
};

/**
 * A copy of the built service with one defect.
 * @returns its `main.js`
 * @throws where there is no such mutation, or the place for it has changed
 */
export async function buildMutant(name: string): Promise<string> {
  const mutation = MUTATIONS[name];
  if (!mutation) throw new Error(`The mutations are: ${Object.keys(MUTATIONS).join('; ')}`);
  return mutantOf(mutation);
}

/** The same with a defect of one's own. */
export async function mutantOf(mutation: Pick<Mutation, 'file' | 'replace'>): Promise<string> {
  const project = fileURLToPath(new URL('../..', import.meta.url));
  const copy = await mkdtemp(join(tmpdir(), 'mutant-'));
  await cp(join(project, 'dist'), join(copy, 'dist'), { recursive: true });
  await cp(join(project, 'package.json'), join(copy, 'package.json'));
  await symlink(join(project, 'node_modules'), join(copy, 'node_modules'));
  const file = join(copy, 'dist', mutation.file);
  let code = await readFile(file, 'utf8');
  for (const [from, to] of mutation.replace) {
    if (!code.includes(from)) throw new Error(`${mutation.file} has changed: nothing there says ${from}`);
    code = code.replace(from, () => to);
  }
  await writeFile(file, code);
  return join(copy, 'dist/main.js');
}
