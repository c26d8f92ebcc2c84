import { hash } from 'node:crypto';
import { type Answer, codeIn, otherThan } from '../support/api.js';
import { scrape } from '../support/metrics.js';
import { until } from '../support/until.js';
import { type Attack, kindOf, unless } from './answers.js';
import { type Deployment, farPhone } from './deployment.js';

/** Where a phone number may stand: its own column, and the sandbox's, which holds what it would have sent. */
const OWN_COLUMNS = ['agreement.contact', 'sandbox_message.phone', 'sandbox_message.text'];

/** Something that was said somewhere. */
interface Said {
  readonly where: string;
  readonly text: string;
}

/**
 * One person's codes and number, taken through everything that can happen to them, right and wrong; then all that
 * anybody has said or kept is searched. Wants Kafka, codes of ten digits (none comes up by chance), and every line of
 * the log.
 */
export const leakCanary: Attack = async (deployment) => {
  const phone = farPhone();
  const { codes, answers } = await everythingHappens(deployment, phone);
  const said = [
    ...answers.map((answer) => ({ where: `the answer ${kindOf(answer)}`, text: textOf(answer) })),
    ...deployment.processes.map(({ output }, index) => ({ where: `the output of process ${index + 1}`, text: output })),
    ...(await metricsOf(deployment)),
    ...(await dumpOf(deployment)),
    ...topicsOf(deployment),
  ];
  const needles = [...codes.flatMap((code) => formsOf('a code', code)), ...formsOf('the phone', phone)];
  const found = said.flatMap(({ where, text }) =>
    needles.filter(({ pattern }) => pattern.test(text)).map(({ what }) => `${what} in ${where}`),
  );
  return [...new Set(found.filter((hole) => !isItsOwn(hole))), ...nothingSearched(deployment, codes, said, found)];
};

const isItsOwn = (hole: string): boolean => OWN_COLUMNS.some((column) => hole === `the phone in ${column}`);

/** A search that sees nothing where the number must be, or in which a source is missing, has searched nothing. */
function nothingSearched(
  deployment: Deployment,
  codes: readonly string[],
  said: readonly Said[],
  found: readonly string[],
): string[] {
  const all = said.map(({ where }) => where).join('\n');
  const sources = [
    '422 code_invalid',
    '422 phone_not_allowed',
    'process 3',
    'metrics',
    'the topic',
    'the DLQ',
    'history.',
  ];
  return [
    ...unless(codes.length === 3, `${codes.length} codes were sent and not 3`),
    ...unless(found.includes('the phone in agreement.contact'), 'the search does not find the phone in its own column'),
    ...sources.flatMap((source) => unless(all.includes(source), `nothing of ${source} was searched`)),
    ...unless(deployment.worker.output.includes('"send"'), 'the log says nothing of the texts'),
  ];
}

async function everythingHappens(
  deployment: Deployment,
  phone: string,
): Promise<{ codes: string[]; answers: Answer[] }> {
  const echo = JSON.stringify({ error: `cannot send to ${phone}` });
  deployment.provider.willAnswer(phone, (response) => void response.writeHead(500).end(echo));
  const answers: Answer[] = [];
  const keep = async (asked: Promise<Answer>): Promise<Answer> => {
    answers.push(await asked);
    return answers.at(-1)!;
  };
  const api = deployment.at(0);
  const { body } = await keep(api.with({ 'idempotency-key': 'canary-1' }).create({ phone, metadata: { order: '1' } }));
  const path = `/v1/agreement/${body['reference']}`;
  const codes: string[] = [];
  const nextText = async (): Promise<string> => {
    const texts = await deployment.provider.received(phone, codes.length + 2);
    await api.until(String(body['reference']), { delivery: 'sent' });
    codes.push(codeIn(texts.at(-1)?.body.text ?? ''));
    return codes.at(-1)!;
  };
  const first = await nextText();
  await asBadlyAsCanBe(deployment, path, phone, first, keep);
  await keep(deployment.at(1).post(`${path}/resend`));
  const second = await nextText();
  for (const guess of [first, otherThan(second)])
    await keep(deployment.at(1).confirm(String(body['reference']), guess));
  await keep(api.post(`${path}/resend`));
  const third = await nextText();
  for (const replica of [0, 1]) {
    const keyed = deployment.at(replica).with({ 'idempotency-key': 'canary-2' });
    await keep(keyed.confirm(String(body['reference']), third));
  }
  for (const action of ['resend', 'cancel', 'withdraw']) await keep(api.post(`${path}/${action}`));
  for (const read of [path, '/v1/agreement']) await keep(deployment.at(1).get(read));
  await aPoisonedTopic(deployment, String(body['reference']));
  return { codes, answers };
}

/** Requests that hold the code and the number where they are most likely to be repeated. */
async function asBadlyAsCanBe(
  deployment: Deployment,
  path: string,
  phone: string,
  code: string,
  keep: (asked: Promise<Answer>) => Promise<Answer>,
): Promise<void> {
  const [one, other] = deployment.as('shop');
  for (const body of [{ code: [code] }, { code, extra: code }, { code: `${code}0` }, { code: Number(code) }]) {
    await keep(one.post(path, body));
  }
  for (const body of [`{"code": "${code}"`, `{"code": "${code}", "__proto__": {}}`, code, `"${code}"`]) {
    await keep(other.post(path, body));
  }
  await keep(one.post(path, `code=${code}`, { 'content-type': 'application/x-www-form-urlencoded' }));
  for (const field of ['id_hash', 'locale', 'document', 'metadata', 'subject', 'extra']) {
    await keep(other.create({ phone, [field]: [phone, `to ${phone}`] }));
  }
  for (const wrong of [`${phone}9999`, `${phone} ext. 1`, [phone], { phone }]) await keep(one.create({ phone: wrong }));
  // Another client's reference, with the right code.
  await keep(deployment.at(0, 'bank').post(path, { code }));
  await keep(one.with({ authorization: 'Bearer nobody' }).post(path, { code }));
  await keep(
    one.get(`/v1/agreement?status=${encodeURIComponent(phone)}&phone=${encodeURIComponent(phone)}&code=${code}`),
  );
  // What is in the path is told to whoever has put it there, and to nobody else.
  await other.get(`/v1/agreement/${encodeURIComponent(phone)}`);
  await other.post(`/v1/agreement/${encodeURIComponent(phone)}/resend`);
  await other.get(`/v1/${code}/${encodeURIComponent(phone)}`);
}

async function aPoisonedTopic({ topics }: Deployment, reference: string): Promise<void> {
  await topics.event(reference, 'AgreementWithdrawn');
  await topics.put({ key: reference, value: '{"reference": ', headers: {} });
  await until('a dead letter', () => topics.deadLetters().length > 0);
}

function textOf({ headers, body }: Answer): string {
  return `${[...headers].map(([name, value]) => `${name}: ${value}`).join('\n')}\n${JSON.stringify(body)}`;
}

async function metricsOf({ metricsPorts }: Deployment): Promise<Said[]> {
  const scraped = await Promise.all(metricsPorts.map((port) => scrape(port)));
  return scraped.map(({ text }, index) => ({ where: `the metrics of process ${index + 1}`, text }));
}

/** Every column of every table, bytes as hex, as base64 and as they are. */
async function dumpOf({ database }: Deployment): Promise<Said[]> {
  const columns = await database.query<{ table_name: string; column_name: string; data_type: string }>(
    `SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'`,
  );
  return Promise.all(
    columns.map(async ({ table_name: table, column_name: column, data_type: type }) => {
      const forms = ['hex', 'base64', 'escape'].map((form) => `encode("${column}", '${form}')`);
      const value = type === 'bytea' ? `concat_ws(' ', ${forms.join()})` : `"${column}"::text`;
      const rows = await database.query<{ value: string | null }>(`SELECT ${value} AS value FROM "${table}"`);
      return { where: `${table}.${column}`, text: rows.map((row) => row.value ?? '').join('\n') };
    }),
  );
}

function topicsOf({ topics }: Deployment): Said[] {
  return topics.messages.map(({ topic, key, value, headers }) => ({
    where: topic === topics.names.dlqTopic ? 'the DLQ' : `the topic, in ${headers['ce_type']}`,
    text: [key ?? '', String(value), JSON.stringify(headers)].join('\n'),
  }));
}

interface Needle {
  readonly what: string;
  readonly pattern: RegExp;
}

/** All the ways in which digits can stand somewhere: with marks between them, in other alphabets, as plain hashes. */
function formsOf(what: string, value: string): Needle[] {
  const digits = value.replace(/^\+7/, '');
  const whole = [value, value.replace('+', ''), digits];
  const encoded = whole.flatMap((text) => [
    Buffer.from(text).toString('hex'),
    ...['', 'x', 'xx'].map((before) => middleOf(before, text)),
    ...['md5', 'sha1', 'sha256', 'sha512'].flatMap((algorithm) =>
      (['hex', 'base64', 'base64url'] as const).map((form) => hash(algorithm, text, form)),
    ),
  ]);
  const spaced = [...digits].join('[\\s().+-]{0,2}');
  return [spaced, ...encoded.map((text) => RegExp.escape(text))].map((pattern) => ({
    what,
    pattern: new RegExp(pattern, 'i'),
  }));
}

/** What base64 makes of a text behind so many other bytes, without the characters that depend on its neighbours. */
function middleOf(before: string, text: string): string {
  const encoded = Buffer.from(before + text)
    .toString('base64')
    .replaceAll('=', '');
  return encoded.slice(before === '' ? 0 : before.length + 1, -1);
}
