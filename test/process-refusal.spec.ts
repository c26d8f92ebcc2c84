import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { freshPhone } from './support/api.js';
import { type ServiceProcess, useProcesses } from './support/process.js';
import { postgresIn } from './support/process-list.js';

const processes = useProcesses();

/** Starts it in an environment that it must refuse; gives everything that it said. */
async function refused(env: Readonly<Record<string, string>>): Promise<string> {
  const service = await processes.start({ DATA_DIR: await processes.folder(), ...env });
  const { code } = await service.end();
  expect(code).toBe(1);
  return service.output;
}

function namesIn(refusal: string): string[] {
  return [...refusal.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name = '']) => name).sort();
}

describe('a configuration that is refused', () => {
  it('names every fault at once and prints no value', async () => {
    const faulty = {
      ROLES: 'canary-1',
      PORT: 'canary-2',
      ALLOW_ANONYMOUS: 'canary-3',
      DATABASE_URL: 'mysql://canary-4:canary-4@localhost/x',
      DATABASE_POOL_SIZE: 'canary-5',
      KAFKA_BROKERS: 'canary-6',
      KAFKA_SASL_MECHANISM: 'canary-7',
      OTP_KEYS: 'canary-8',
      CONTACT_KEYS: 'canary-9:Y2FuYXJ5',
      OTP_TTL: 'canary-10',
      OTP_MESSAGE_RU: 'canary-11',
      API_KEYS: 'canary-12',
      PHONE_COUNTRIES: 'canary-13',
      SMS_PROVIDERS: 'canary-14',
      SMS_HTTP_URL: 'ftp://canary-15',
      DOCUMENT_DEFAULT: 'canary-16',
      LOG_LEVEL: 'canary-17',
      SHUTDOWN_TIMEOUT: 'canary-18',
    };
    const refusal = await refused(faulty);
    expect(namesIn(refusal)).toEqual(Object.keys(faulty).sort());
    expect(refusal).not.toMatch(/canary|Y2FuYXJ5/);
  });

  it('names a secret file that is not there, and what else is missing in production', async () => {
    const refusal = await refused({ NODE_ENV: 'production', OTP_KEYS_FILE: '/there/is/no/canary' });
    expect(namesIn(refusal)).toEqual([
      'API_KEYS',
      'CONTACT_KEYS',
      'DATABASE_URL',
      'KAFKA_BROKERS',
      'OTP_KEYS_FILE',
      'PHONE_COUNTRIES',
      'SMS_PROVIDERS',
    ]);
    expect(refusal).not.toContain('canary');
  });

  it('names everything that production needs and does not have', async () => {
    const needed = ['API_KEYS', 'CONTACT_KEYS', 'DATABASE_URL', 'KAFKA_BROKERS', 'OTP_KEYS', 'PHONE_COUNTRIES'];
    expect(namesIn(await refused({ NODE_ENV: 'production' }))).toEqual([...needed, 'SMS_PROVIDERS']);
  });

  it('does not let the whole network in without keys', async () => {
    expect(namesIn(await refused({ HOST: '0.0.0.0' }))).toEqual(['HOST']);
  });
});

describe('a start', () => {
  it('warns of names that are nobody’s settings, without their values', async () => {
    const strangers = { OTP_TLL: 'canary', KAFKA_BROKER: 'canary', SMS_PROVIDER: 'canary', DATABASE_URI: 'canary' };
    const service = await processes.start({ DATA_DIR: await processes.folder(), ...strangers });
    await service.listens();
    const warnings = service.log.filter(({ level }) => level === 'warn').map(({ msg }) => String(msg));
    for (const name of Object.keys(strangers)) {
      expect(warnings.filter((warning) => warning.startsWith(`${name} `))).toHaveLength(1);
    }
    await service.stop();
    expect(service.output).not.toContain('canary');
  });

  describe('with keys', () => {
    const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
    const [first, second, other] = [key('first'), key('second'), key('first')];
    let DATA_DIR: string;
    let pending: { reference: string; code: string };
    const start = async (env: Readonly<Record<string, string>>): Promise<ServiceProcess> =>
      (await processes.start({ DATA_DIR, ...env })).ready();

    beforeAll(async () => {
      DATA_DIR = await processes.folder();
      const service = await start({ OTP_KEYS: first });
      const phone = freshPhone();
      const { body } = await service.api.create({ phone });
      pending = { reference: body['reference'], code: await service.api.codeSentTo(phone) };
      await service.stop();
    }, 30_000);

    it('is refused where they lack the one that made codes which are still on their way', async () => {
      const refusal = await refused({ DATA_DIR, OTP_KEYS: second });
      expect(refusal).toContain('OTP_KEYS lacks the key first');
      expect(postgresIn(DATA_DIR)).toEqual([]);
    });

    it('is refused where another key comes under a known id', async () => {
      const refusal = await refused({ DATA_DIR, OTP_KEYS: other });
      expect(refusal).toContain('OTP_KEYS first is not the key that this database knows');
      expect(refusal).not.toContain(other.split(':')[1]);
    });

    it('does not remember a key that it refused', async () => {
      const mistaken = key('third');
      const corrected = key('third');
      await refused({ DATA_DIR, OTP_KEYS: mistaken });
      await (await start({ OTP_KEYS: `${corrected},${first}` })).stop();
    });

    it('goes well after a rotation, and the code that was on its way confirms', async () => {
      const service = await start({ OTP_KEYS: `${second},${first}` });
      expect(await service.api.confirm(pending.reference, pending.code)).toMatchObject({ status: 200 });
      await service.stop();
    });
  });
});
