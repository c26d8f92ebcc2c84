// Preloaded (NODE_OPTIONS=--import=…): makes Node blind to every package that the image leaves out. Here they are all
// installed, and also found by those that load a package only where it happens to be.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
const PACKAGE = /node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const name = PACKAGE.exec(resolved.url)?.[0];
    const { dev, optional, devOptional } = packages[name] ?? {};
    if (!dev && !optional && !devOptional) return resolved;
    throw Object.assign(new Error(`the image has no ${name}`), { code: 'ERR_MODULE_NOT_FOUND' });
  },
});
