import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Api, freshPhone } from './support/api.js';
import { useProcesses } from './support/process.js';
import { postgresIn, stillThere } from './support/process-list.js';
import { until } from './support/until.js';

describe('a start with nothing configured but a port and a folder', () => {
  const processes = useProcesses();
  let DATA_DIR: string;
  beforeAll(async () => {
    DATA_DIR = await processes.folder();
  });

  const start = async () => (await processes.start({ DATA_DIR })).ready();

  it('says where everything is, and what it says is true', async () => {
    const service = await start();
    const greeting = await until('the greeting', () =>
      service.stderr.includes('Ctrl-C') ? service.stderr : undefined,
    );
    const place = (what: string): string => new RegExp(`${what}\\s+(http\\S+)`).exec(greeting)?.[1] ?? '';
    const places = ['API', 'Swagger UI', 'Sandbox phone', 'Sandbox messages'].map(place);
    const answers = await Promise.all(places.map((url) => fetch(url)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);

    const [, url = '', body = ''] = /curl -X POST (\S+) [^']+'[^']+' \\\n\s+-d '(.+)'/.exec(greeting) ?? [];
    const created = await new Api(url).post('', body);
    expect(created.status).toBe(201);
    expect(await service.api.codeSentTo('+79161234567')).toMatch(/^\d{6}$/);
    expect(service.log.filter(({ level }) => level !== 'info').map(({ msg }) => msg)).toEqual([
      'API_KEYS is not set: everybody who reaches this port may do everything',
    ]);
    await service.stop();
  });

  it('keeps what it knows over a restart: the code sent before it confirms after it', async () => {
    const before = await start();
    const phone = freshPhone();
    const { body } = await before.api.create({ phone });
    const code = await before.api.codeSentTo(phone);
    await before.stop();

    const after = await start();
    const confirmed = await after.api.confirm(body['reference'], code);
    expect(confirmed).toMatchObject({ status: 200, body: { status: 'confirmed' } });
    await after.stop();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends well by %s and leaves no PostgreSQL behind', async (signal) => {
    const service = await start();
    const postgres = postgresIn(DATA_DIR);
    expect(postgres.length).toBeGreaterThan(1);

    expect(await service.stop(signal)).toEqual({ code: 0, signal: null });
    expect(stillThere(postgres)).toEqual([]);
    expect(service.log.at(-1)).toMatchObject({ level: 'info', msg: 'stopped' });
  });

  it('takes a second signal for the same wish', async () => {
    const service = await start();
    service.signal('SIGINT');
    service.signal('SIGTERM');
    service.signal('SIGINT');
    expect(await service.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(postgresIn(DATA_DIR)).toEqual([]);
  });

  it('can be stopped before it is ready', async () => {
    const service = await (await processes.start({ DATA_DIR })).listens();
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(postgresIn(DATA_DIR)).toEqual([]);
  });

  it('does not wait for ever for a client that never ends its request, and leaves nothing behind', async () => {
    const service = await (await processes.start({ DATA_DIR, SHUTDOWN_TIMEOUT: '2' })).ready();
    const client = connect(Number(new URL(service.url).port), '127.0.0.1');
    client.on('error', () => undefined);
    const begun =
      'POST /v1/agreement HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{';
    await new Promise((resolve) => client.write(begun, resolve));
    const asked = performance.now();
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(3_000);
    expect(postgresIn(DATA_DIR)).toEqual([]);
    client.destroy();
  });

  it('comes back with all its data after kill -9', async () => {
    const killed = await start();
    const { body } = await killed.api.create();
    await killed.kill();

    const service = await start();
    expect(await service.api.get(`/v1/agreement/${body['reference']}`)).toMatchObject({ status: 200 });
    await service.stop();
  });

  describe('while another one runs', () => {
    it('names the port that is taken, and the first one goes on', async () => {
      const first = await start();
      const second = await processes.start({ DATA_DIR: await processes.folder(), PORT: new URL(first.url).port });

      expect((await second.end()).code).toBe(1);
      expect(second.stderr).toContain(`port ${new URL(first.url).port} of 127.0.0.1 is taken`);
      expect(second.stderr.trim().split('\n')).toHaveLength(1);
      expect((await first.api.create()).status).toBe(201);
      await first.stop();
    });

    it('names the folder that is taken, and the first one goes on', async () => {
      const first = await start();
      const second = await processes.start({ DATA_DIR });

      expect((await second.end()).code).toBe(1);
      expect(second.stderr).toContain(`The data folder ${DATA_DIR} is in use by process`);
      expect(second.stderr.trim().split('\n')).toHaveLength(1);
      expect((await first.api.create()).status).toBe(201);
      await first.stop();
    });
  });
});
