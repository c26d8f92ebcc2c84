import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BrokerPlace, type BrokerProcess, whenThisProcessEnds } from './broker-process.js';
import { serverProperties } from './server-properties.js';

const run = promisify(execFile);

const POM = join(dirname(fileURLToPath(import.meta.url)), 'pom.xml');
const COPY_JARS = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const JARS = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'agreement-service', 'kafka-4.1.1');
const CLASS_PATH = join(JARS, '*');
const OLDEST_JAVA = 17;
const DOWNLOAD_WITHIN = 300_000;
/** Starts twice as fast as with the second compiler, which a test's load never repays. */
const JVM = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.apache.logging.log4j.level=WARN'];
/** The second `rm` takes what the broker still wrote while it died under the first one. */
const CLEAR_UP = 'kill -9 "$(cat "$1")"; rm -rf "$2"; sleep 1; rm -rf "$2"';

/** Why no broker can run on this machine's Java, or undefined where one can. */
export function missingForJava(): string | undefined {
  const version = spawnSync('java', ['-version'], { encoding: 'utf8', timeout: 10_000 });
  const major = Number(/version "(\d+)/.exec(version.stderr ?? '')?.[1] ?? 0);
  if (major < OLDEST_JAVA) return `there is no Java ${OLDEST_JAVA} or newer`;
  if (existsSync(JARS)) return undefined;
  const maven = spawnSync('mvn', ['-v'], { timeout: 20_000 });
  return maven.status === 0 ? undefined : 'there is no Maven to bring the jars of Kafka';
}

/** A broker in a JVM of its own; its data and log lie in a temporary folder. Brings the jars at first use (43 MB). */
export async function javaKafka(place: BrokerPlace): Promise<BrokerProcess> {
  await bringJars();
  const folder = await mkdtemp(join(tmpdir(), 'kafka-'));
  const properties = join(folder, 'server.properties');
  await writeFile(properties, serverProperties(place, join(folder, 'data'), '127.0.0.1'));
  // Hex: one in 64 ids in base64url begins with a hyphen, and is taken for an option.
  const clusterId = randomBytes(11).toString('hex');
  const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties];
  await run('java', [...JVM, '-cp', CLASS_PATH, ...format]);
  return new JavaKafka(folder, properties);
}

/** Several runs may do this at once: each copies into a folder of its own, and the first rename wins. */
async function bringJars(): Promise<void> {
  if (existsSync(JARS)) return;
  await mkdir(dirname(JARS), { recursive: true });
  const copy = await mkdtemp(`${JARS}.partial-`);
  try {
    await run('mvn', ['-B', '-q', '-f', POM, COPY_JARS, `-DoutputDirectory=${copy}`, '-DincludeScope=runtime'], {
      timeout: DOWNLOAD_WITHIN,
    });
    await rename(copy, JARS).catch((error: unknown) => {
      if (!existsSync(JARS)) throw error;
    });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

class JavaKafka implements BrokerProcess {
  readonly #folder: string;
  readonly #properties: string;
  readonly #log: string;
  readonly #pidFile: string;
  #java: ChildProcess | undefined;
  #watch: ChildProcess | undefined;

  constructor(folder: string, properties: string) {
    this.#folder = folder;
    this.#properties = properties;
    this.#log = join(folder, 'broker.log');
    this.#pidFile = join(folder, 'pid');
  }

  start(): void {
    const log = openSync(this.#log, 'a');
    const java = spawn('java', [...JVM, '-cp', CLASS_PATH, 'kafka.Kafka', this.#properties], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    java.unref();
    this.#java = java;
    writeFileSync(this.#pidFile, String(java.pid));
    this.#watch ??= whenThisProcessEnds(CLEAR_UP, this.#pidFile, this.#folder);
  }

  get pid(): number | undefined {
    return this.#java?.pid;
  }

  isRunning(): boolean {
    return this.#java?.pid !== undefined && this.#java.exitCode === null && this.#java.signalCode === null;
  }

  async kill(): Promise<void> {
    if (!this.#java || !this.isRunning()) return;
    const dead = once(this.#java, 'exit');
    this.#java.ref();
    this.#java.kill('SIGKILL');
    await dead;
    rmSync(this.#pidFile, { force: true });
  }

  pause(): void {
    this.#java?.kill('SIGSTOP');
  }

  resume(): void {
    this.#java?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    this.#watch?.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  lastLines(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').split('\n').slice(-30).join('\n') : '';
  }
}
