import { afterAll, describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { startService } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';

/** A start sends fewer packets to PostgreSQL, so the last ones are cut while the service works already. */
const PACKETS = 40;
const AT_ONCE = 8;

describe('a start whose connections to PostgreSQL are cut once', () => {
  const database = useDatabase();
  const proxies: TcpProxy[] = [];
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.cut())));

  /** What went wrong; undefined where it came up and works. */
  async function startCutAt(packet: number): Promise<string | undefined> {
    const { proxy, url } = await TcpProxy.before(database.url);
    proxies.push(proxy);
    await proxy.open();
    proxy.cutAtPacket(packet);
    const service = await startService(database, { DATABASE_URL: url, MIGRATE: 'true' });
    proxy.cutAtPacket(Infinity);
    const created = await service.api.create();
    const fatal = service.log.find((line) => line.includes('"level":"fatal"'));
    await service.stop();
    return fatal ?? (created.status === 201 ? undefined : `packet ${packet}: ${created.status}`);
  }

  it('goes on by itself, whichever of its questions was lost', async () => {
    const wrong: (string | undefined)[] = [];
    for (let packet = 1; packet <= PACKETS; packet += AT_ONCE) {
      const packets = Array.from({ length: AT_ONCE }, (_, n) => packet + n);
      wrong.push(...(await Promise.all(packets.map(startCutAt))));
    }
    expect(wrong.filter((reason) => reason !== undefined)).toEqual([]);
  }, 60_000);
});
