import { Agent, request } from 'node:http';
import { type Attack, unless } from './answers.js';
import type { Deployment } from './deployment.js';

const ROUNDS = 700;
const WARM_UP = 60;
const MEASUREMENTS = 3;
/** So many standard errors: by chance once in 10⁶ comparisons, and it must be so three times. */
const SIGNIFICANT = 5;

/** A request that is asked for its time alone. */
interface Timed {
  readonly method: string;
  readonly path: string;
  readonly key: string;
  readonly body?: object;
}

/** Two requests that nobody should be able to tell apart, and a third that is truly the same as the second. */
interface Comparison {
  readonly name: string;
  readonly status: number;
  readonly suspect: () => Timed;
  readonly other: () => Timed;
}

/** Unknown references against another client's, on every route: by no time can they be told apart. */
export const foreignByTime: Attack = async (deployment) => {
  const { reference: foreign } = await deployment.agreement({}, 'victim');
  const key = deployment.keyOf('shop');
  // As alike as can be: only the last digits differ.
  const unknown = (): string =>
    foreign.slice(0, -6) + String(Math.floor(performance.now() * 1000) % 1_000_000).padStart(6, '0');
  const routes: readonly (readonly [string, string, string, object?])[] = [
    ['GET', 'GET', ''],
    ['confirm', 'POST', '', { code: '000000' }],
    ['resend', 'POST', '/resend', {}],
    ['cancel', 'POST', '/cancel', {}],
    ['withdraw', 'POST', '/withdraw', {}],
  ];
  const comparisons = routes.map(([name, method, action, body]): Comparison => {
    const ask = (reference: string): Timed => {
      const path = `/v1/agreement/${reference}${action}`;
      return { method, path, key, ...(body ? { body } : {}) };
    };
    return {
      name: `${name} of a foreign agreement`,
      status: 404,
      suspect: () => ask(foreign),
      other: () => ask(unknown()),
    };
  });
  return toldApart(deployment, comparisons);
};

/** Keys that share nothing with a right one, against one that differs in its last character alone. */
export const keysByTime: Attack = async (deployment) => {
  const key = deployment.keyOf('shop');
  const path = '/v1/agreement/019aa3b2-5c1e-7d30-9f4a-6b1c2d3e4f50';
  const near = key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A');
  const far = [...key].reverse().join('');
  const comparison = {
    name: 'a key that is nearly right',
    status: 401,
    suspect: () => ({ method: 'GET', path, key: near }),
    other: () => ({ method: 'GET', path, key: far }),
  };
  return toldApart(deployment, [comparison]);
};

/** What is told apart in every one of three measurements. */
async function toldApart(deployment: Deployment, comparisons: readonly Comparison[]): Promise<string[]> {
  let suspects = comparisons;
  let holes: string[] = [];
  for (let measurement = 0; measurement < MEASUREMENTS && suspects.length > 0; measurement += 1) {
    const found = await measure(deployment.at(measurement).url, suspects);
    suspects = suspects.filter(({ name }) => found.some((hole) => hole.startsWith(name)));
    holes = found;
  }
  return holes;
}

async function measure(url: string, comparisons: readonly Comparison[]): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = comparisons.map(() => ({ suspect: [] as number[], control: [] as number[] }));
  const wrong = new Set<number>();
  try {
    for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
      for (const [index, { suspect, other, status }] of comparisons.entries()) {
        // Neither is always the first, or the second, after what came before.
        const asked = [suspect(), other(), other()];
        const taken = [0, 0, 0];
        for (const place of [0, 1, 2].map((step) => (step + round) % 3)) {
          const [answered, milliseconds] = await timed(agent, url, asked[place]!);
          taken[place] = milliseconds;
          if (answered !== status) wrong.add(answered);
        }
        const [suspected = 0, one = 0, same = 0] = taken;
        if (round < WARM_UP) continue;
        times[index]?.suspect.push(suspected - one);
        times[index]?.control.push(same - one);
      }
    }
  } finally {
    agent.destroy();
  }
  const verdicts = comparisons.flatMap(({ name }, index) => verdictOn(name, times[index]!));
  return [...verdicts, ...unless(wrong.size === 0, `what was timed was answered ${[...wrong].join()}`)];
}

/** @returns the status, and milliseconds from the first byte sent to the last one received */
function timed(agent: Agent, url: string, { method, path, key, body }: Timed): Promise<[number, number]> {
  const content = body && JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${key}`,
    ...(content ? { 'content-type': 'application/json', 'content-length': content.length } : {}),
  };
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const asked = request(url + path, { method, agent, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve([response.statusCode ?? 0, performance.now() - started]));
    });
    asked.once('error', reject);
    asked.end(content);
  });
}

/**
 * The median of paired differences against its standard error, and against what the same comparison of two that are
 * truly the same has given in the same run.
 */
function verdictOn(name: string, { suspect, control }: { suspect: number[]; control: number[] }): string[] {
  const allowed =
    3 * Math.abs(median(control)) + SIGNIFICANT * Math.max(errorOfMedian(suspect), errorOfMedian(control));
  const told = Math.abs(median(suspect));
  const microseconds = (milliseconds: number): number => Math.round(milliseconds * 1000);
  return unless(
    told <= allowed,
    `${name} is told apart by ${microseconds(told)} µs, where ${microseconds(allowed)} µs are chance`,
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Of a sample with outliers: from the median absolute deviation, as for a normal distribution. */
function errorOfMedian(values: readonly number[]): number {
  const middle = median(values);
  const deviation = 1.4826 * median(values.map((value) => Math.abs(value - middle)));
  return (1.2533 * deviation) / Math.sqrt(values.length);
}
