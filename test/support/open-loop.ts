import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { OpenLoopOrder, OpenLoopResult } from '../../bench/open-loop.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Creates at an even pace, whatever becomes of them, from a process of its own. @throws where it ends instead of answering */
export async function offer(order: OpenLoopOrder): Promise<OpenLoopResult> {
  const child = fork(file('../../bench/open-loop-process.ts'), {
    execArgv: ['--no-warnings', '--import', file('./typescript-hook.mjs')],
  });
  const stop = new AbortController();
  const { signal } = stop;
  try {
    child.send(order);
    return await Promise.race([
      once(child, 'message', { signal }).then(([result]) => result as OpenLoopResult),
      once(child, 'exit', { signal }).then(() => Promise.reject(new Error('the generator has ended'))),
    ]);
  } finally {
    stop.abort();
    child.kill();
  }
}
