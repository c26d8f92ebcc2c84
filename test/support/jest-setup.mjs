// Jest loads this without its own transform and module map: Node runs the TypeScript behind it by itself.
import './typescript-hook.mjs';

export default async function setUp() {
  const { start } = await import('./global.ts');
  await start();
}
