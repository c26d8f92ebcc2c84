import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.js';
import type { Certificate } from './certificates.js';
import { until } from './until.js';

/** A PostgreSQL of its own, whose certificate can be changed while it runs. */
export class TlsPostgres {
  private constructor(
    private readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
  ) {}

  static async start(): Promise<TlsPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'tls-postgres-'));
    return new TlsPostgres(
      folder,
      await startEmbeddedPostgres({ dataDir: folder, durable: false, log: () => undefined }),
    );
  }

  /** The database, at the host that it is to be called by. */
  url(host: string): string {
    const url = new URL(this.postgres.url);
    url.hostname = host;
    return url.href;
  }

  /** Serves new connections with this certificate from now on; without one it speaks no TLS. */
  async show(certificate: Certificate | undefined): Promise<void> {
    const data = join(this.folder, 'postgres', 'data');
    const { uid, gid } = await stat(data);
    for (const [name, pem] of Object.entries(certificate ?? {})) {
      const file = join(data, `server.${name}`);
      await writeFile(file, pem as string, { mode: 0o600 });
      await chown(file, uid, gid);
    }
    const on = certificate ? 'on' : 'off';
    for (const setting of [`ssl = ${on}`, `ssl_cert_file = 'server.cert'`, `ssl_key_file = 'server.key'`]) {
      await this.query(`ALTER SYSTEM SET ${setting}`);
    }
    await this.query('SELECT pg_reload_conf()');
    await until(`ssl is ${on}`, async () => (await this.query<{ ssl: string }>('SHOW ssl'))[0]?.ssl === on);
  }

  /** As the superuser, without TLS. */
  async query<R extends object>(text: string): Promise<R[]> {
    const client = new pg.Client(this.postgres.adminUrl);
    await client.connect();
    try {
      return (await client.query<R>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
