import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of our own, made by openssl, in a temporary folder. */
export class Authority {
  private constructor(
    private readonly folder: string,
    readonly name: string,
    /** PEM of its own certificate. */
    readonly cert: string,
  ) {}

  static async create(name: string): Promise<Authority> {
    const folder = await mkdtemp(join(tmpdir(), 'authority-'));
    const files = ['-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.pem')];
    await run('openssl', ['req', '-x509', ...KEY, ...files, '-subj', `/CN=${name}`]);
    return new Authority(folder, name, await readFile(join(folder, 'ca.pem'), 'utf8'));
  }

  /** Where its certificate lies. */
  get file(): string {
    return join(this.folder, 'ca.pem');
  }

  /** A server's certificate. @param names as in subjectAltName: `DNS:localhost,IP:127.0.0.1` */
  async issue(names: string): Promise<Certificate> {
    const [key, request, cert, extensions] = ['server.key', 'server.csr', 'server.pem', 'extensions'].map((file) =>
      join(this.folder, file),
    ) as [string, string, string, string];
    await run('openssl', ['req', ...KEY, '-keyout', key, '-out', request, '-subj', '/CN=server']);
    await writeFile(extensions, `subjectAltName=${names}\n`);
    const signer = ['-CA', this.file, '-CAkey', join(this.folder, 'ca.key'), '-CAcreateserial', '-days', '2'];
    await run('openssl', ['x509', '-req', '-in', request, '-out', cert, ...signer, '-extfile', extensions]);
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
