import { dirname, join } from 'node:path';
import { type Answer, codeIn } from '../support/api.js';
import { runToEnd } from '../support/program.js';
import { until } from '../support/until.js';
import { type Attack, kindOf, unless } from './answers.js';
import { type Deployment, farPhone } from './deployment.js';

const CAP = 5;
/** Seconds by which two answers of the same moment may differ; those of the flood are this old, and more. */
const SAME_MOMENT = 20;
const AGE = 180;
/** What differs between any two agreements, or is looked at as a time. */
const OWN = /^(reference|phone|retry_after|.*_at)$/;

/** A number that was texted by somebody else, and one that was not: one client's answers about both. */
interface Pair {
  readonly texted: Answer;
  readonly untexted: Answer;
}

/**
 * A number flooded through one client until its limit: the others reach it, and see nothing of the flood; once an operator
 * lifts the limit, the flooded client reaches its owner too, who can confirm. Wants 5 texts to a number, and a limit of
 * all clients together that is far away.
 */
export const floodedVictim: Attack = async (deployment) => {
  const phone = farPhone();
  return [
    ...(await flood(deployment, phone)),
    ...(await seenByOthers(deployment, phone)),
    ...(await confirmedThrough(deployment, phone, 'victim', 'while it was flooded')),
    ...(await lifted(deployment, phone)),
  ];
};

/** As many texts as the limit allows, and refusals from there on; it took place some minutes ago. */
async function flood(deployment: Deployment, phone: string): Promise<string[]> {
  const answers: Answer[] = [];
  for (let n = 0; n < 2 * CAP; n += 1) answers.push(await deployment.at(n).create({ phone }));
  const kinds = answers.map(kindOf);
  const expected = kinds.map((_, n) => (n < CAP ? '201 pending' : '429 send_limit_reached'));
  await deployment.provider.received(phone, CAP);
  for (const { body } of answers.slice(0, CAP)) await deployment.at(0).until(body['reference'], { delivery: 'sent' });
  await deployment.database.query(
    `UPDATE limit_entry SET at = at - make_interval(secs => $1) WHERE reference = ANY ($2::uuid[])`,
    [AGE, answers.slice(0, CAP).map(({ body }) => String(body['reference']))],
  );
  return unless(kinds.join() === expected.join(), `the flood was answered ${kinds.join()}`);
}

/** Another client asks for the number and for one that nobody has texted, until its own limit and beyond. */
async function seenByOthers(deployment: Deployment, phone: string): Promise<string[]> {
  const other = farPhone();
  const holes: string[] = [];
  for (let n = 0; n <= CAP; n += 1) {
    const api = deployment.at(n, 'bank');
    const [texted, untexted] = await Promise.all([api.create({ phone }), api.create({ phone: other })]);
    const which = `another client's create ${n + 1}`;
    const expected = n < CAP ? 201 : 429;
    holes.push(
      ...unless(
        untexted.status === expected,
        `${which} to a number that nobody has texted was answered ${kindOf(untexted)}`,
      ),
      ...unless(untexted.headers.has('ratelimit'), `${which} has no RateLimit: nothing was compared`),
      ...differences(which, { texted, untexted }),
    );
    if (texted.status !== 201 || untexted.status !== 201) continue;
    const [later, otherLater] = await Promise.all([settled(api, texted), settled(api, untexted)]);
    holes.push(
      ...unless(otherLater.body['delivery'] === 'sent', `${which}: nothing was sent`),
      ...differences(`${which}, once it was sent,`, { texted: later, untexted: otherLater }),
    );
  }
  return holes;
}

function settled(api: ReturnType<Deployment['at']>, { body }: Answer): Promise<Answer> {
  return until('the end of a send', async () => {
    const answer = await api.get(`/v1/agreement/${body['reference']}`);
    return answer.body['delivery'] === 'queued' ? undefined : answer;
  });
}

/** What tells a number that somebody else has texted from one that nobody has. */
function differences(what: string, { texted, untexted }: Pair): string[] {
  if (texted.status !== untexted.status) {
    return [`${what} was answered ${texted.status} to the number and ${untexted.status} to one that nobody has texted`];
  }
  const names = ({ headers }: Answer): string => [...headers.keys()].sort().join();
  const limits = ['ratelimit', 'ratelimit-policy', 'retry-after'] as const;
  return [
    ...unless(names(texted) === names(untexted), `${what} has the headers ${names(texted)}, not ${names(untexted)}`),
    ...limits.flatMap((name) => {
      const [one, other] = [texted, untexted].map(({ headers }) => headers.get(name) ?? '') as [string, string];
      return unless(alike(one, other), `${what} has other ${SPELT[name]}: ${one}, not ${other}`);
    }),
    ...unless(
      told(texted) === told(untexted) && alike(secondsIn(texted), secondsIn(untexted)),
      `${what} has another body: ${told(texted)} ${secondsIn(texted)}, not ${told(untexted)} ${secondsIn(untexted)}`,
    ),
  ];
}

const SPELT = { ratelimit: 'RateLimit', 'ratelimit-policy': 'RateLimit-Policy', 'retry-after': 'Retry-After' } as const;

/** The same words, and no number of seconds that is of another moment: those follow `t=`, or stand alone. */
function alike(one: string, other: string): boolean {
  const seconds = /(?<=t=|^)\d+/g;
  const [left, right] = [one, other].map((text) => (text.match(seconds) ?? []).map(Number)) as [number[], number[]];
  const words = one.replaceAll(seconds, '') === other.replaceAll(seconds, '');
  return words && left.every((second, index) => Math.abs(second - (right[index] ?? 0)) < SAME_MOMENT);
}

/** The seconds until it may be asked again, and those of its times since its beginning. */
function secondsIn({ body }: Answer): string {
  const begun = Date.parse(String(body['created_at']));
  const times = Object.entries(body).filter(([name, value]) => name.endsWith('_at') && value !== null);
  const seconds = times.map(([, value]) => Math.round((Date.parse(String(value)) - begun) / 1000));
  return [Number(body['retry_after'] ?? 0), ...seconds].map((second) => `t=${second}`).join();
}

/** A body in its order, without what is each agreement's own and without times. */
function told({ body }: Answer): string {
  const facts = Object.entries(body).map(([name, value]) => {
    return [name, OWN.test(name) && value !== null ? typeof value : value];
  });
  return JSON.stringify(facts);
}

/** An agreement of the number's owner with a client, which has to be confirmed at the first try. */
async function confirmedThrough(
  deployment: Deployment,
  phone: string,
  caller: 'shop' | 'victim',
  when: string,
): Promise<string[]> {
  const api = deployment.at(1, caller);
  const asked = await api.create({ phone });
  if (asked.status !== 201) return [`${when} a create by ${caller} was answered ${kindOf(asked)}`];
  const { body } = await settled(api, asked);
  if (body['delivery'] !== 'sent') return [`${when} a text by ${caller} was not sent: ${body['delivery_reason']}`];
  const code = codeIn(deployment.provider.to(phone).at(-1)?.body.text ?? '');
  const answer = await api.confirm(String(asked.body['reference']), code);
  return unless(kindOf(answer) === '200 confirmed', `${when} the code was answered ${kindOf(answer)}`);
}

async function lifted(deployment: Deployment, phone: string): Promise<string[]> {
  const refused = await deployment.at(0).create({ phone });
  const folder = dirname(deployment.main);
  const cli = [join(folder, 'cli.js'), 'limits', 'lift', phone];
  const { code, stdout, stderr } = await runToEnd(process.execPath, cli, dirname(folder), deployment.environment);
  return [
    ...unless(
      kindOf(refused) === '429 send_limit_reached',
      `before the lift its create was answered ${kindOf(refused)}`,
    ),
    ...unless(code === 0, `the lift ended with ${code}: ${stderr}`),
    ...unless(!`${stdout}${stderr}`.includes(phone.slice(3, -2)), 'the lift prints the number'),
    ...(await confirmedThrough(deployment, phone, 'shop', 'after the lift')),
  ];
}
