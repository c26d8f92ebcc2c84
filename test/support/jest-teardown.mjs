export default async function tearDown() {
  const { stop } = await import('./global.ts');
  await stop();
}
