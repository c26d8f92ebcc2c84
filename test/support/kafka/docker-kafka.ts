import { type ChildProcess, execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { type BrokerPlace, type BrokerProcess, whenThisProcessEnds } from './broker-process.js';
import { serverProperties } from './server-properties.js';

const run = promisify(execFile);

const IMAGE = 'apache/kafka:4.1.1';
/** Formats once and starts; `docker start` runs it again on the same data. */
const START =
  'printf %s "$PROPERTIES" >/tmp/server.properties && ' +
  '/opt/kafka/bin/kafka-storage.sh format --ignore-formatted -t "$CLUSTER" -c /tmp/server.properties && ' +
  'exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties';

/** Whether a Docker engine can be reached: the command alone is not enough. */
export function dockerAnswers(): boolean {
  const version = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 });
  return version.status === 0;
}

/** A broker in a container; the first one on a machine pulls the image. */
export function dockerKafka(place: BrokerPlace): BrokerProcess {
  return new DockerKafka(place);
}

class DockerKafka implements BrokerProcess {
  readonly pid = undefined;
  readonly #name = `agreement-service-kafka-${randomBytes(6).toString('hex')}`;
  readonly #place: BrokerPlace;
  #watch: ChildProcess | undefined;

  constructor(place: BrokerPlace) {
    this.#place = place;
  }

  start(): void {
    if (this.#watch) return docker('start', this.#name);
    this.#watch = whenThisProcessEnds('docker rm -f "$1"', this.#name);
    const { port, secure } = this.#place;
    docker(
      ...['run', '--detach', '--name', this.#name, '--publish', `127.0.0.1:${port}:${port}`],
      ...(secure ? ['--publish', `127.0.0.1:${secure.port}:${secure.port}`] : []),
      ...['--env', `PROPERTIES=${serverProperties(this.#place, '/tmp/kafka-data', '0.0.0.0')}`],
      ...['--env', `CLUSTER=${randomBytes(11).toString('hex')}`, '--env', 'KAFKA_HEAP_OPTS=-Xmx512m'],
      ...['--entrypoint', 'sh', IMAGE, '-c', START],
    );
  }

  isRunning(): boolean {
    const state = spawnSync('docker', ['inspect', '--format', '{{.State.Running}}', this.#name], { encoding: 'utf8' });
    return state.stdout.trim() === 'true';
  }

  async kill(): Promise<void> {
    if (!this.isRunning()) return;
    docker('kill', '--signal', 'KILL', this.#name);
    await run('docker', ['wait', this.#name]);
  }

  pause(): void {
    docker('pause', this.#name);
  }

  resume(): void {
    docker('unpause', this.#name);
  }

  async remove(): Promise<void> {
    await run('docker', ['rm', '--force', this.#name]);
    this.#watch?.kill('SIGKILL');
  }

  lastLines(): string {
    const logs = spawnSync('docker', ['logs', '--tail', '30', this.#name], { encoding: 'utf8' });
    return logs.stdout + logs.stderr;
  }
}

function docker(...args: string[]): void {
  const done = spawnSync('docker', args, { encoding: 'utf8', timeout: 300_000 });
  if (done.status !== 0) throw new Error(`docker ${args[0]} has failed: ${done.stderr}`);
}
