import type pg from 'pg';

type Connected = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (error?: unknown) => void,
) => void;
type Connect = (connected?: Connected) => Promise<pg.PoolClient>;

/**
 * Tells how long each statement waited for a connection, which pg-pool does not: all that use the pool, TypeORM too, come
 * by its `connect`.
 * @param waited gets seconds, also of a wait in vain
 */
export function observeWaits(pool: pg.Pool, waited: (seconds: number) => void): void {
  const connect = pool.connect.bind(pool) as Connect;
  const observed: Connect = (connected) => {
    const askedAt = performance.now();
    const tell = (): void => waited((performance.now() - askedAt) / 1000);
    if (!connected) return connect().finally(tell);
    return connect((...given) => {
      tell();
      connected(...given);
    });
  };
  pool.connect = observed as pg.Pool['connect'];
}
