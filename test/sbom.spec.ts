import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { runNpm } from './support/program.js';

interface Bom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly externalReferences?: readonly { readonly type: string }[];
  }[];
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const { dependencies, devDependencies } = JSON.parse(readFileSync(`${PROJECT}package.json`, 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const { packages } = JSON.parse(readFileSync(`${PROJECT}package-lock.json`, 'utf8')) as {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
};

it('npm run sbom tells what the service is made of, and nothing of where that was done', async () => {
  const { code, stdout } = await runNpm(PROJECT, ['run', '--silent', 'sbom'], {});
  expect(code).toBe(0);
  const bom = JSON.parse(stdout) as Bom;
  expect(bom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: expect.stringMatching(/^1\.\d$/) });

  const components = new Map(bom.components.map((component) => [component.name, component]));
  for (const [name, version] of Object.entries(dependencies)) expect(components.get(name)).toMatchObject({ version });
  // Some of those are what a dependency has as well, such as Fastify's ajv.
  const onlyForDevelopment = Object.keys(devDependencies).filter((name) => packages[`node_modules/${name}`]?.dev);
  expect(onlyForDevelopment.length).toBeGreaterThan(20);
  expect(onlyForDevelopment.filter((name) => components.get(name)?.version === devDependencies[name])).toEqual([]);

  for (const place of [PROJECT, homedir(), 'file:', '.tgz']) expect(stdout).not.toContain(place);
  const types = bom.components.flatMap(({ externalReferences = [] }) => externalReferences.map(({ type }) => type));
  expect(types).not.toContain('distribution');
});
