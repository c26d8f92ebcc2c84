import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const COPY_JARS = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'agreement-service');
const OLDEST_JAVA = 17;
const DOWNLOAD_WITHIN = 300_000;

/** A Java program with what it needs, as a pom names it; kept in the user's cache folder. */
export class MavenJars {
  readonly #folder: string;

  /** @param name of the folder in the cache: the program with its version */
  constructor(
    private readonly pom: string,
    name: string,
  ) {
    this.#folder = join(CACHE, name);
  }

  get classPath(): string {
    return join(this.#folder, '*');
  }

  /** Why it cannot run on this machine, or undefined where it can. */
  missing(): string | undefined {
    const version = spawnSync('java', ['-version'], { encoding: 'utf8', timeout: 10_000 });
    const major = Number(/version "(\d+)/.exec(version.stderr)?.[1] ?? 0);
    if (version.error || major < OLDEST_JAVA) return `there is no Java ${String(OLDEST_JAVA)} or newer`;
    if (existsSync(this.#folder)) return undefined;
    const maven = spawnSync('mvn', ['-v'], { timeout: 20_000 });
    return maven.status === 0 ? undefined : 'there is no Maven to bring the jars';
  }

  /** Several runs may do this at once: each copies into a folder of its own, and the first rename wins. */
  async bring(): Promise<void> {
    if (existsSync(this.#folder)) return;
    await mkdir(dirname(this.#folder), { recursive: true });
    const copy = await mkdtemp(`${this.#folder}.partial-`);
    try {
      const options = [`-DoutputDirectory=${copy}`, '-DincludeScope=runtime'];
      await run('mvn', ['-B', '-q', '-f', this.pom, COPY_JARS, ...options], { timeout: DOWNLOAD_WITHIN });
      await rename(copy, this.#folder).catch((error: unknown) => {
        if (!existsSync(this.#folder)) throw error;
      });
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  }
}
