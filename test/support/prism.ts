import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from '@jest/globals';
import { whenThisProcessEnds } from './kafka/broker-process.js';
import { freePorts } from './kafka/server-properties.js';
import { until } from './until.js';

const run = promisify(execFile);

const PRISM = '@stoplight/prism-cli@5.16.0';
/** Twilio's command line, of which only its contract is taken. */
const TWILIO = '@twilio/cli-core@9.0.0';
const CONTRACT = 'package/src/services/twilio-api/twilio_api_v2010.json';
const CACHE = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
const PLACE = join(CACHE, 'agreement-service', 'prism-5.16.0-twilio-9.0.0');
const MAIN = join(PLACE, 'node_modules/@stoplight/prism-cli/dist/index.js');
const DOWNLOAD_WITHIN = 120_000;

/** Where the published OpenAPI document of Twilio's API is, and a Prism to serve it; or why they cannot be had. */
export type PrismAtHand = { readonly contract: string } | { readonly missing: string };

/** Brings both into the user's cache folder, at first use (74 MB). Nothing that they contain runs while they are installed. */
export async function bringPrism(): Promise<PrismAtHand> {
  try {
    if (!existsSync(PLACE)) await install();
  } catch (error) {
    const said = ((error as { stderr?: string }).stderr || String(error)).trim().split('\n');
    return {
      missing: `Prism and Twilio's contract cannot be brought: ${said.find((line) => /error/i.test(line)) ?? ''}`,
    };
  }
  return { contract: join(PLACE, CONTRACT) };
}

/** `describe` for specs that need Prism; skipped where it cannot be had, with the reason in the name, but not in CI. */
export function describeWithPrism(name: string, prism: PrismAtHand, specs: () => void): void {
  if (!('missing' in prism) || process.env['CI'] === 'true') describe(name, specs);
  else describe.skip(`${name} (skipped: ${prism.missing})`, specs);
}

/** Several runs may do this at once: each installs into a folder of its own, and the first rename wins. */
async function install(): Promise<void> {
  await mkdir(dirname(PLACE), { recursive: true });
  const folder = await mkdtemp(`${PLACE}.partial-`);
  const options = { cwd: folder, timeout: DOWNLOAD_WITHIN };
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder];
  try {
    await writeFile(join(folder, 'package.json'), '{"private": true}');
    await run('npm', ['install', '--no-save', ...quiet, PRISM], options);
    const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', TWILIO], options);
    await run('tar', ['-xzf', stdout.trim(), CONTRACT], options);
    await rename(folder, PLACE).catch((error: unknown) => {
      if (!existsSync(PLACE)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A server that answers what a contract allows, and refuses what it does not. */
export class Prism {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
    private readonly watch: ChildProcess,
  ) {}

  /** @throws Error where there is none, or it does not come up */
  static async start(prism: PrismAtHand): Promise<Prism> {
    if ('missing' in prism) throw new Error(prism.missing);
    const [port] = await freePorts();
    const place = ['--errors', '--host', '127.0.0.1', '--port', String(port)];
    const started = spawn(process.execPath, [MAIN, 'mock', ...place, prism.contract], { stdio: 'ignore' });
    const watch = whenThisProcessEnds('kill -9 "$1"', String(started.pid));
    const url = `http://127.0.0.1:${port}`;
    const answers = () =>
      fetch(url).then(
        () => true,
        () => started.exitCode !== null,
      );
    await until('Prism', answers, 20_000);
    if (started.exitCode !== null) throw new Error(`Prism has ended with ${started.exitCode}`);
    return new Prism(url, started, watch);
  }

  async stop(): Promise<void> {
    this.watch.kill('SIGKILL');
    if (this.process.exitCode !== null) return;
    this.process.kill();
    await once(this.process, 'exit');
  }
}

/** The names of the fields that a POST to a path may have, by the contract. */
export function fieldsOf(prism: PrismAtHand, path: string): readonly string[] {
  if ('missing' in prism) return [];
  const { paths } = JSON.parse(readFileSync(prism.contract, 'utf8')) as Contract;
  return Object.keys(paths[path]!.post.requestBody.content['application/x-www-form-urlencoded'].schema.properties);
}

interface Contract {
  readonly paths: Readonly<Record<string, { readonly post: { readonly requestBody: FormBody } }>>;
}

interface FormBody {
  readonly content: Record<'application/x-www-form-urlencoded', { readonly schema: { readonly properties: object } }>;
}
