import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';
import { whenThisProcessEnds } from '../kafka/broker-process.js';
import { freePorts } from '../kafka/server-properties.js';
import { MavenJars } from '../maven.js';
import { until } from '../until.js';

const POM = join(dirname(fileURLToPath(import.meta.url)), 'pom.xml');
const JARS = new MavenJars(POM, 'jsmpp-examples-3.0.2');
const JVM = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=ISO-8859-1'];
const SIMULATOR = 'org.jsmpp.examples.SMPPServerSimulator';
const LISTENS_WITHIN = 30_000;
/** As its log has it: the octets of the text, and the id that the answer names. */
const RECEIVED = /Receiving submit_sm '([^]*?)', and return message id (\w+)/g;

/** Why there is no simulator on this machine, or undefined where there is one. */
function missingForJsmpp(): string | undefined {
  return JARS.missing();
}

/** `describe` where the simulator can run; else the specs are skipped, and with `CI=true` they fail. */
export function describeWithJsmpp(title: string, specs: () => void): void {
  const missing = missingForJsmpp();
  if (missing === undefined || process.env['CI'] === 'true') describe(title, specs);
  else describe.skip(`${title} (skipped: ${missing})`, specs);
}

/** jsmpp's SMSC simulator in a JVM of its own. Its answers have hexadecimal ids, its receipts decimal ones, in any order. */
export class JsmppSimulator {
  #java: ChildProcess | undefined;
  #watch: ChildProcess | undefined;
  #log = '';

  private constructor(readonly port: number) {}

  /** Brings it at the first use (1 MB). @throws Error where it cannot run */
  static async start(): Promise<JsmppSimulator> {
    const missing = missingForJsmpp();
    if (missing !== undefined) throw new Error(`There is no SMSC simulator for the tests: ${missing}`);
    await JARS.bring();
    const [port] = await freePorts();
    const simulator = new JsmppSimulator(port);
    await simulator.restart();
    return simulator;
  }

  get url(): string {
    return `smpp://tester:secret8@127.0.0.1:${String(this.port)}`;
  }

  /** The settings of a service that uses it. */
  get environment(): Record<string, string> {
    return { SMS_PROVIDERS: 'smpp', SMPP_URL: this.url, SMS_SENDER: 'Shop' };
  }

  /** What it has said so far. */
  get log(): string {
    return this.#log;
  }

  /** The octets of each text that it has got, in latin1, with the id of its answer. */
  get submitted(): { readonly text: string; readonly id: string }[] {
    return [...this.#log.matchAll(RECEIVED)].map(([, text = '', id = '']) => ({ text, id }));
  }

  /** SIGKILL. */
  async stop(): Promise<void> {
    if (this.#java?.exitCode === null && this.#java.signalCode === null) {
      const dead = once(this.#java, 'exit');
      this.#java.kill('SIGKILL');
      await dead;
    }
    this.#watch?.kill('SIGKILL');
    this.#watch = undefined;
  }

  /** At the same port; it has forgotten everything. */
  async restart(): Promise<void> {
    await this.stop();
    const [before, port] = [this.#log.length, String(this.port)];
    const account = ['-Djsmpp.client.systemId=tester', '-Djsmpp.client.password=secret8'];
    const options = [...JVM, `-Djsmpp.simulator.port=${port}`, ...account, '-cp', JARS.classPath, SIMULATOR];
    const java = spawn('java', options, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#java = java;
    this.#watch = whenThisProcessEnds('kill -9 "$1"', String(java.pid));
    java.stderr.setEncoding('latin1').on('data', (text: string) => (this.#log += text));
    await until('the simulator listens', () => this.#log.includes('Listening on port', before), LISTENS_WITHIN);
  }

  pause(): void {
    this.#java?.kill('SIGSTOP');
  }

  resume(): void {
    this.#java?.kill('SIGCONT');
  }
}
