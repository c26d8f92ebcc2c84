// What the service is made of, as CycloneDX on stdout. `npm sbom --omit dev` leaves out what a development dependency
// depends on as well (npm 11.19: nodemailer, yaml), so npm is shown a project that has none.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const [manifest, lock] = [read('package.json'), read('package-lock.json')];
delete manifest.devDependencies;
delete lock.packages[''].devDependencies;
for (const [name, { dev, devOptional }] of Object.entries(lock.packages)) {
  if (dev || devOptional) delete lock.packages[name];
}

const place = mkdtempSync(join(tmpdir(), 'sbom-'));
// npm calls the project by its folder.
const folder = join(place, manifest.name);
try {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  const format = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const { status, stdout } = spawnSync('npm', ['sbom', ...format], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  process.stdout.write(stdout);
  process.exitCode = status ?? 1;
} finally {
  rmSync(place, { recursive: true });
}
