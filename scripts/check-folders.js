// A folder says that several files belong together; one for a single file is a detour. Specs do not count.
import { readdirSync } from 'node:fs';

function lonely(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.endsWith('.spec.ts'));
  const below = entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => lonely(`${folder}/${name}`));
  return entries.length < 2 ? [folder, ...below] : below;
}

const found = lonely('src');
for (const folder of found) console.error(`${folder}: a folder for one file; put the file where the folder is`);
process.exitCode = found.length > 0 ? 1 : 0;
