import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.js';
import * as packaging from './support/packaging.js';
import { faultsOf } from './support/setting.js';

/** Keys, so that reading a configuration makes none on this machine. */
const KEYS = { OTP_KEYS: `a:${'A'.repeat(44)}`, CONTACT_KEYS: `b:${'B'.repeat(44)}` };

/** Read too, but nothing that an operator sets. */
const FOR_TESTS = ['FAILPOINTS'];

/** Spoken of, but read by Node itself before the service begins. */
const OF_NODE = ['NODE_EXTRA_CA_CERTS'];

describe('.env.example', () => {
  const settings = packaging.exampleSettings();
  const names = settings.map(({ name }) => name);
  const read = new Set<string>();
  readConfig(
    new Proxy<Record<string, string>>({ ...KEYS }, { get: (given, name: string) => (read.add(name), given[name]) }),
  );

  it('holds every setting that the service reads, once, and no other', () => {
    const known = [...read].filter((name) => !read.has(name.replace(/_FILE$/, '')) || !name.endsWith('_FILE'));
    const forOperators = known.filter((name) => !FOR_TESTS.includes(name));
    expect(forOperators.sort()).toEqual([...names].sort());
  });

  it('does not hold what production refuses because it is for tests', () => {
    expect(names.filter((name) => FOR_TESTS.includes(name))).toEqual([]);
    const refused = faultsOf({ ...KEYS, NODE_ENV: 'production', FAILPOINTS: 'relay.read=kill' });
    expect(refused).toContain('FAILPOINTS: is for tests of reliability, and refused in production');
  });

  it('explains each in a line, and sets none', () => {
    for (const { comment, commentedOut } of settings)
      expect({ comment, commentedOut }).toEqual({ comment: expect.stringMatching(/^# \S/), commentedOut: true });
  });

  it('shows what holds where nothing is set: with all of it taken over, nothing changes', () => {
    const all = parseEnv(packaging.read('.env.example').replaceAll(/^#(?=[A-Z][A-Z0-9_]*=)/gm, ''));
    const { warnings, ...config } = readConfig({ ...all, ...KEYS });
    const { warnings: none, ...untouched } = readConfig(KEYS);
    expect(config).toEqual(untouched);
    expect([none, warnings]).toEqual([[], []]);
  });

  it('holds every setting that the documentation of deployment speaks of', () => {
    const mentioned = packaging.read('docs/deployment.md').match(/\b[A-Z]+(_[A-Z]+)+\b/g) ?? [];
    expect(mentioned).toContain('DATABASE_URL');
    const known = [...names, ...OF_NODE];
    expect(mentioned.map((name) => name.replace(/_FILE$/, '')).filter((name) => !known.includes(name))).toEqual([]);
  });
});
