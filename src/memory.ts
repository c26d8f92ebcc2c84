import * as modules from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const DOCUMENTATION = '@nestjs/swagger';

/** Milliseconds without work after which memory is given back. */
const REST = 120_000;

/**
 * Decorators of the API's document, and the five hundred modules behind them, are of no use where it is not served: they
 * give way to the package's own that do nothing. Where Node has no hooks (before 22.15) they are loaded all the same.
 */
export function leaveOutDocumentation(): void {
  if (!('registerHooks' in modules)) return;
  modules.registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      if (specifier !== DOCUMENTATION) return found;
      return { ...found, url: found.url.replace(/index\.js$/, 'extra/swagger-shim.js') };
    },
  });
}

/**
 * Gives back what only the start needed: loading three thousand modules makes V8 widen the young generation to its limit, of
 * which 36 MB would stay in memory for good (151 MB of an idle process, 115 without). Under load it grows again; kept small
 * while loading, by a flag, it did not, and a create took a third more CPU time. Takes 0.1 s; call it once everything is
 * reached.
 */
export function endOfLoading(): void {
  // V8 does the like whenever it was at rest for eight seconds, and forgets what it had compiled: the first seconds of the
  // next load then cost a third more.
  setFlagsFromString(`--gc-memory-reducer-start-delay-ms=${REST}`);
  setFlagsFromString('--expose-gc');
  // There from now on, in contexts that are made after the flag was set.
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  setFlagsFromString('--no-expose-gc');
}
