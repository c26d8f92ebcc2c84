import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runToEnd } from './support/program.js';

const SCRIPT = fileURLToPath(new URL('../scripts/audit.js', import.meta.url));
const ID = 'GHSA-aaaa-bbbb-cccc';
const REASON = 'Only reached by a function that the service does not call.';

const advisory = (severity: string) => ({
  id: 1,
  url: `https://github.com/advisories/${ID}`,
  title: 'It gives everything away',
  severity,
  vulnerable_versions: '<2.0.0',
});
const exception = (expires: string, reason = REASON) => ({ advisory: ID, reason, expires });

let folder: string;
let registry: Server;
/** By the name of a package; none: the registry knows no audit. */
let advisories: Record<string, unknown[]> | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agreement-audit-'));
  const packages = {
    'node_modules/leaky': { version: '1.0.0' },
    'node_modules/tool': { version: '1.0.0', dev: true },
  };
  const root = {
    name: 'planted',
    version: '1.0.0',
    dependencies: { leaky: '1.0.0' },
    devDependencies: { tool: '1.0.0' },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(root));
  const lock = { ...root, lockfileVersion: 3, packages: { '': root, ...packages } };
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
  registry = createServer((request, response) => {
    const name = request.url?.slice(1) ?? '';
    if (request.method === 'GET') {
      const versions = { '1.0.0': { name, version: '1.0.0' } };
      response.end(JSON.stringify({ name, versions, 'dist-tags': { latest: '1.0.0' } }));
    } else if (advisories && request.url === '/-/npm/v1/security/advisories/bulk') {
      response.end(JSON.stringify(advisories));
    } else response.writeHead(405).end();
    request.resume();
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  registry.closeAllConnections();
  await new Promise((resolve) => registry.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function audit(answer: typeof advisories, exceptions: readonly object[] = []) {
  advisories = answer;
  const file = join(folder, 'exceptions.json');
  await writeFile(file, JSON.stringify(exceptions));
  const { port } = registry.address() as AddressInfo;
  const env = { npm_config_registry: `http://127.0.0.1:${port}/`, npm_config_cache: join(folder, 'cache') };
  return runToEnd(process.execPath, [SCRIPT, file], folder, env);
}

describe('npm run check:audit', () => {
  it('passes where nothing is known', async () => {
    expect(await audit({})).toMatchObject({ code: 0, stdout: 'nothing known against it; exceptions: 0\n' });
  });

  it.each(['high', 'critical'])('fails by what is %s', async (severity) => {
    const stderr = `${ID} ${severity} leaky: It gives everything away\n`;
    expect(await audit({ leaky: [advisory(severity)] })).toMatchObject({ code: 1, stderr });
  });

  it('lets pass what is moderate, and what only the tools have', async () => {
    expect(await audit({ leaky: [advisory('moderate')], tool: [advisory('critical')] })).toMatchObject({ code: 0 });
  });

  it('lets pass what is excepted', async () => {
    const answer = { leaky: [advisory('high')] };
    expect(await audit(answer, [exception('9999-12-31')])).toMatchObject({
      code: 0,
      stdout: 'nothing known against it; exceptions: 1\n',
    });
  });

  it('fails where the exception has expired', async () => {
    const { code, stderr } = await audit({ leaky: [advisory('high')] }, [exception('2026-01-31')]);
    expect({ code, lines: stderr.split('\n') }).toEqual({
      code: 1,
      lines: [expect.stringContaining('has expired on 2026-01-31'), expect.stringContaining(`${ID} high`), ''],
    });
  });

  it('fails by an exception without a reason', async () => {
    expect(await audit({}, [exception('9999-12-31', '')])).toMatchObject({ code: 1 });
  });

  it('says so, and passes, where the registry knows no audit', async () => {
    const stdout = 'not answered: this registry knows no audit\n';
    expect(await audit(undefined)).toMatchObject({ code: 0, stdout, stderr: '' });
  });

  it('fails where there is nothing to be audited', async () => {
    await rm(join(folder, 'package-lock.json'));
    expect(await audit({})).toMatchObject({ code: 1, stderr: expect.stringContaining('lockfile') });
  });
});
