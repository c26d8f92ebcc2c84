import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { phoneNumber } from 'better-auth/plugins/phone-number';
import pg from 'pg';

/**
 * better-auth with its plugin for phone numbers, as its documentation sets it up: on node:http, its own schema by its own
 * migrations, its own queries (Kysely over pg). Whatever is not named here has its default: codes of 6 digits that live
 * 300 s, 3 attempts, a session of 7 days for the right code. Three things are not: nobody is sent anything, its limit of
 * 10 requests a minute is off, because it would refuse nearly all, and so is telemetry.
 */

const { values: given } = parseArgs({
  options: {
    port: { type: 'string', default: '' },
    'database-url': { type: 'string', default: '' },
    secret: { type: 'string', default: '' },
  },
});
const pool = new pg.Pool({ connectionString: given['database-url'], max: 10 });
const auth = betterAuth({
  database: pool,
  secret: given.secret,
  baseURL: `http://127.0.0.1:${given.port}`,
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [
    phoneNumber({
      sendOTP: () => undefined,
      // Without it a number that nobody has yet cannot be verified.
      signUpOnVerification: { getTempEmail: (phone) => `${phone.slice(1)}@phone.invalid` },
    }),
  ],
});

await (await getMigrations(auth.options)).runMigrations();

const answer = toNodeHandler(auth);
const server = createServer((request, response) => {
  if (request.url === '/health/ready') response.end('ok');
  else void answer(request, response);
});
server.listen(Number(given.port), '127.0.0.1');
