// Jest loads this without its own transform and module map: Node runs the TypeScript behind it by itself.
import '../support/typescript-hook.mjs';

export default async function setUp() {
  const { start } = await import('../support/global.ts');
  const { bringSchemathesis } = await import('./schemathesis.ts');
  await start();
  const brought = await bringSchemathesis();
  if ('missing' in brought) process.env.TEST_SCHEMATHESIS_MISSING = brought.missing;
  else process.env.TEST_SCHEMATHESIS_PYTHON = brought.python;
}
