import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Answer } from '../support/api.js';
import { lines, rawRequest } from '../support/raw-request.js';
import { type Attack, counted, othersThan, unless } from './answers.js';
import { type Deployment, farPhone } from './deployment.js';

const CAP = 5;
const REFUSED = '429 rate_limited';

const v4 = (): string => [randomInt(1, 224), randomInt(256), randomInt(256), randomInt(1, 255)].join('.');
const v6 = (): string => `2001:db8:${(randomBytes(4).toString('hex').match(/.{4}/g) ?? []).join(':')}::1`;

/** What somebody sends who wants to be taken for somebody else: header lines, another address in each. */
const FORGERIES: readonly (() => string[])[] = [
  () => [`X-Forwarded-For: ${v4()}`],
  () => [`X-Forwarded-For: ${v4()}, ${v4()}, 127.0.0.1`],
  () => [`X-Forwarded-For: ${v4()}`, `X-Forwarded-For: ${v4()}`],
  () => [`x-forwarded-for: ${v6()}`],
  () => [`X-Forwarded-For: ::ffff:${v4()}`],
  () => [`X-Forwarded-For: ${v4()}:4711, [${v6()}]:80`],
  () => [`X-Forwarded-For: ${randomBytes(12).toString('base64')}; DROP TABLE, ,,`],
  () => [`Forwarded: for=${v4()};proto=https, for="[${v6()}]"`],
  () => [`X-Real-IP: ${v4()}`],
  () => ['Client-IP', 'X-Client-IP', 'X-Cluster-Client-IP', 'True-Client-IP'].map((name) => `${name}: ${v4()}`),
  () => ['CF-Connecting-IP', 'Fastly-Client-IP', 'X-Forwarded', 'X-Original-For'].map((name) => `${name}: ${v6()}`),
  () => ['X-Forwarded-For', 'Forwarded', 'X-Real-IP'].map((name) => `${name}: ${v4()}`),
];

/**
 * Every header that is said to name the caller, at both replicas: all of it counts for the address of the connection.
 * Wants 5 texts to an address, no proxy, and no interval between codes.
 */
export const forgedAddresses: Attack = async (deployment) => {
  const forged = [...FORGERIES, ...FORGERIES].map((lie) => lie());
  const { answers, texts } = await created(deployment, forged);
  const resent = await resends(deployment, answers);
  return [
    ...unless(taken(answers) === CAP, `${answers.length} invented addresses had ${taken(answers)} creates taken`),
    ...unless(texts === CAP, `${answers.length} invented addresses sent ${texts} texts`),
    ...unless(resent.length > 0, 'nothing was there to be sent again'),
    ...othersThan(['201 pending', REFUSED], answers),
    ...othersThan([REFUSED], resent),
  ];
};

/**
 * Behind a proxy its word counts, which is the last of the chain, and not what the caller has put before it. Wants 5 texts
 * to an address and proxies at 127.0.0.0/8.
 */
export const forgedChains: Attack = async (deployment) => {
  const site = `2001:db8:1:${randomBytes(2).toString('hex')}`;
  const [one, other] = [v4(), v4()];
  const hops: Readonly<Record<string, (n: number) => string>> = {
    'an address': () => one,
    'an address behind two proxies': () => `${other}, 127.0.0.${randomInt(2, 255)}`,
    'a site of IPv6': (n) => `${site}::${n + 1}`,
  };
  const lies: readonly (() => string)[] = [
    v4,
    v6,
    () => one,
    () => '127.0.0.1',
    () => `${v4()}, ${v4()}`,
    () => 'unknown',
  ];
  const holes: string[] = [];
  for (const [hop, address] of Object.entries(hops)) {
    const chains = [...lies, ...lies].map((lie, n) => [`X-Forwarded-For: ${lie()}, ${address(n)}`]);
    const { answers, texts } = await created(deployment, chains);
    holes.push(
      ...unless(taken(answers) === CAP, `${hop} had ${taken(answers)} of ${answers.length} creates taken`),
      ...unless(texts === CAP, `${hop} brought about ${texts} texts`),
      ...othersThan(['201 pending', REFUSED], answers),
    );
  }
  return holes;
};

/** A create to a number of its own with each of these header lines, in turn, and how many texts came of all of them. */
async function created(
  deployment: Deployment,
  forged: readonly string[][],
): Promise<{ answers: Answer[]; texts: number }> {
  const [phones, answers]: [string[], Answer[]] = [[], []];
  for (const [index, header] of forged.entries()) {
    const phone = farPhone();
    const answer = await posted(deployment, index, '/v1/agreement', header, { id_hash: randomUUID(), phone });
    phones.push(phone);
    answers.push(answer);
    if (answer.status === 201) await deployment.provider.received(phone);
  }
  return { answers, texts: phones.flatMap((phone) => deployment.provider.to(phone)).length };
}

/** A further code for each agreement that there is, with an invented address each. */
async function resends(deployment: Deployment, answers: readonly Answer[]): Promise<Answer[]> {
  const references = answers.filter(({ status }) => status === 201).map(({ body }) => String(body['reference']));
  const resent: Answer[] = [];
  for (const [index, reference] of references.entries()) {
    await deployment.at(index).until(reference, { delivery: 'sent' });
    const lie = FORGERIES[index % FORGERIES.length]?.() ?? [];
    resent.push(await posted(deployment, index, `/v1/agreement/${reference}/resend`, lie, {}));
  }
  return resent;
}

/** With header lines as they are: `fetch` would make one of two with the same name. */
async function posted(
  deployment: Deployment,
  index: number,
  path: string,
  header: readonly string[],
  body: object,
): Promise<Answer> {
  const json = JSON.stringify(body);
  const fixed = [
    'Host: localhost',
    `Authorization: Bearer ${deployment.keyOf('shop')}`,
    'Content-Type: application/json',
  ];
  const head = lines(`POST ${path} HTTP/1.1`, ...fixed, `Content-Length: ${json.length}`, ...header);
  const answer = await rawRequest(deployment.at(index).url, head + json);
  return { status: answer.status, body: answer.body, headers: new Headers([...answer.headers]) };
}

function taken(answers: readonly Answer[]): number {
  return counted(answers)['201 pending'] ?? 0;
}
