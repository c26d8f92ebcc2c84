import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { useDatabase } from './support/database.js';
import { useProcesses } from './support/process.js';

/** Has V8 say on stdout what each collection found; it cannot be told so by NODE_OPTIONS alone. */
const TELL = `import{setFlagsFromString}from'node:v8';['--trace-gc','--trace-gc-nvp'].forEach((flag)=>setFlagsFromString(flag))`;
const CREATED = 4_000;
const secret = (): string => `allocations:${randomBytes(32).toString('base64')}`;

/** Bytes, by one collection of the young generation. */
interface Scavenge {
  readonly allocated: number;
  readonly survived: number;
}

function scavengesIn(output: string): Scavenge[] {
  const lines = output.split('\n').filter((line) => line.includes(' gc=s '));
  const bytes = (line: string, name: string): number => Number(new RegExp(` ${name}=(\\d+)`).exec(line)?.[1]);
  return lines.map((line) => ({ allocated: bytes(line, 'allocated'), survived: bytes(line, 'new_space_survived') }));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

describe('the memory of a create', () => {
  const database = useDatabase();
  const processes = useProcesses(database);

  // As seen: 64 KB, of which 3 % outlives a collection; 9 % did where each request was held in a Map until it was answered.
  it('is less than 75 KB, and all but a twentieth is gone at the next collection', async () => {
    const service = await processes.start({
      NODE_OPTIONS: `--import=data:text/javascript,${TELL}`,
      ...{ ROLES: 'api', DATABASE_URL: database.url, MIGRATE: 'false', DATA_DIR: '/nowhere' },
      ...{ OTP_KEYS: secret(), CONTACT_KEYS: secret(), LIMIT_PREFIX: '1000/3600' },
    });
    await service.ready();
    /** Creates so many, 32 at a time. */
    let number = 0;
    const load = async (amount: number): Promise<void> => {
      let left = amount;
      const caller = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          number += 1;
          // Scattered over all prefixes.
          const phone = `+7916${1_000_000 + ((number * 7_919) % 8_999_999)}`;
          expect((await service.api.create({ phone })).status).toBe(201);
        }
      };
      await Promise.all(Array.from({ length: 32 }, caller));
    };
    await load(1_500);
    const before = scavengesIn(service.output).length;
    await load(CREATED);
    const scavenges = scavengesIn(service.output).slice(before);

    const allocated = sum(scavenges.map((one) => one.allocated));
    expect(allocated / CREATED).toBeGreaterThan(20_000);
    expect(allocated / CREATED).toBeLessThan(75_000);
    expect(sum(scavenges.map(({ survived }) => survived)) / allocated).toBeLessThan(0.05);
  }, 90_000);
});
