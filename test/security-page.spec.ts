import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ATTACKS } from './attacks/attacks.js';
import { MUTATIONS } from './attacks/mutations.js';
import { OF_LIMITS } from './attacks/mutations.limits.js';
import { OF_PUMPING } from './attacks/mutations.pumping.js';
import { OF_VICTIMS } from './attacks/mutations.victims.js';
import { read } from './support/packaging.js';

const REQUIREMENTS = [
  'NIST 3.1.3.2',
  'NIST 3.2.2 / RFC 4226 7.3',
  'ASVS 6.5.1, 6.6.2',
  'ASVS 6.5.2, 11.4.1',
  'ASVS 11.2.4',
  'ASVS 6.3.8',
  'ASVS 2.3, 15.4.2',
  'ASVS 2.4.1',
  'ASVS 4.1',
  'ASVS 12.3, 13.2, 13.3',
  'ASVS 13.4.5, 14.2.1, 14.3.2',
  'ASVS 14.2.7',
  'ASVS 16',
  'API keys',
];
const NUMBERED_ATTACKS = Array.from({ length: 13 }, (_, at) => String(at + 1));
/** Not of one attack: all of them have to find it. */
const OF_ALL_ATTACKS = 'nothing is there';

const page = read('docs/security.md');

/** The rows of the table under a heading, cell by cell. */
function tableUnder(heading: string): string[][] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const table = section.split('\n## ')[0]?.match(/^\|[^]*?\|$(?!\n\|)/m)?.[0] ?? '';
  const [, , ...rows] = table.split('\n');
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const namesIn = (cell: string): string[] => [...cell.matchAll(/\*([^*]+)\*/g)].map(([, name = '']) => name);

/** The tests that a cell cites: "`file` › *name*; *name*; `file` › *name*". */
function testsIn(cell: string): { file: string; name: string }[] {
  const cited = [...cell.matchAll(/`([^`]+)` › (\*[^*]+\*(?:; \*[^*]+\*)*)/g)];
  return cited.flatMap(([, file = '', names = '']) => namesIn(names).map((name) => ({ file, name })));
}

/** Whether a file of tests has this name, as it stands in the source. */
function hasTest({ file, name }: { file: string; name: string }): boolean {
  const source = existsSync(file) ? read(file) : '';
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${name}${quote}`));
}

describe('the page about security', () => {
  const requirements = tableUnder('Requirements');
  const attacks = tableUnder('Attacks');

  it('has every requirement, once, with where it is met and a test', () => {
    expect(requirements.map(([id]) => id)).toEqual(REQUIREMENTS);
    const bare = requirements.filter(([, , where = '', tests = '']) => where === '' || testsIn(tests).length === 0);
    expect(bare).toEqual([]);
  });

  it('has every attack, each with a test', () => {
    expect(attacks.map(([number]) => number).filter((number) => number !== '–')).toEqual(NUMBERED_ATTACKS);
    expect(attacks.filter(([, , tests = '']) => testsIn(tests).length === 0)).toEqual([]);
  });

  it('cites no test that is not there', () => {
    const cells = [...requirements.map((row) => row[3] ?? ''), ...attacks.map((row) => row[2] ?? '')];
    const cited = cells.flatMap(testsIn);
    expect(cells.flatMap(namesIn)).toHaveLength(cited.length);
    expect(cited.filter((test) => !hasTest(test))).toEqual([]);
  });

  it('leaves out no attack of the suite and no defect that one finds', () => {
    const led = attacks.flatMap(([, , tests = '']) => testsIn(tests));
    const names = led.filter(({ file }) => file === 'test/attacks/attacks.ts').map(({ name }) => name);
    expect(names.sort()).toEqual(Object.keys(ATTACKS).sort());

    const all = { ...MUTATIONS, ...OF_LIMITS, ...OF_PUMPING, ...OF_VICTIMS };
    const defects = Object.entries(all).filter(([name]) => name !== OF_ALL_ATTACKS);
    for (const [, attack, tests = '', found = ''] of attacks) {
      const those = new Set(testsIn(tests).map(({ name }) => name));
      const ofThose = defects.filter(([, mutation]) => Object.keys(mutation.found).some((name) => those.has(name)));
      const expected = ofThose.map(([name]) => name).sort();
      expect({ attack, found: namesIn(found).sort() }).toEqual({ attack, found: expected });
    }
  });

  it.each(['docs/security.md', 'SECURITY.md'])('names no file that is not there: %s', (path) => {
    const text = read(path);
    const linked = [...text.matchAll(/\]\(([^)#]+)/g)].map(
      ([, target = '']) => new URL(target, `file:///${path}`).pathname,
    );
    const named = [...text.matchAll(/`((?:src|test|scripts|docs)\/[^`]+)`/g)].map(([, file = '']) => `/${file}`);
    expect(linked.length).toBeGreaterThan(0);
    expect([...linked, ...named].filter((file) => !existsSync(`.${file}`))).toEqual([]);
  });

  it('names no command that package.json does not have', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const commands = [...page.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(commands).toContain('test:attacks');
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
  });
});
