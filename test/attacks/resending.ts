import { randomUUID } from 'node:crypto';
import { otherThan } from '../support/api.js';
import { historyOf } from '../support/raised-events.js';
import { type Attack, counted, kindOf, othersThan, storm, unless, warmUp } from './answers.js';
import { farPhone } from './deployment.js';

/** 50 resends at once: one code, one text, whoever was told what. Wants an interval between resends. */
export const parallelResends: Attack = async (deployment) => {
  await warmUp(deployment, 50);
  const holes: string[] = [];
  for (const _ of [1, 2, 3]) {
    const agreement = await deployment.agreement();
    const { reference, phone } = agreement;
    await deployment.letTimePass(reference);
    const answers = await storm(50, (index) => deployment.at(index).post(`/v1/agreement/${reference}/resend`));
    const { '202 pending': taken = 0 } = counted(answers);
    await deployment.provider.received(phone, 2);
    await deployment.at(0).until(reference, { delivery: 'sent' });
    // A text that is too much would be on its way before the next agreement's own.
    await deployment.agreement();
    const texts = deployment.provider.to(phone).length - 1;
    const noted = await historyOf(deployment.database, reference);
    const asked = noted.filter((kind) => kind === 'code_requested').length;
    const issued = noted.filter((kind) => kind === 'code_issued').length;
    holes.push(
      ...unless(taken >= 1, 'no resend was taken: nothing was attacked'),
      ...unless(texts === 1, `50 resends at once sent ${texts} texts`),
      ...unless(asked === 1, `50 resends at once asked for ${asked} codes`),
      ...unless(issued === 2, `50 resends at once made ${issued - 1} codes`),
      ...othersThan(['202 pending', '429 resend_too_soon'], answers),
    );
  }
  return holes;
};

/** 50 creates at once with one Idempotency-Key: one agreement, one text; and a guess that comes again costs nothing. */
export const parallelCreates: Attack = async (deployment) => {
  await warmUp(deployment, 50);
  const headers = { 'idempotency-key': randomUUID() };
  const [phone, id_hash] = [farPhone(), randomUUID()];
  const create = (index: number, id: string = id_hash) =>
    deployment.at(index).post('/v1/agreement', { id_hash: id, phone }, headers);
  const answers = await storm(50, create);
  const made = answers.filter(({ status }) => status === 201);
  const first = made.filter((answer) => !answer.headers.has('idempotency-replayed'));
  const references = new Set(made.map(({ body }) => String(body['reference'])));
  const rows = await deployment.database.query('SELECT reference FROM agreement WHERE id_hash = $1', [id_hash]);
  await deployment.provider.received(phone);
  // A text that is too much would be on its way before the next agreement's own.
  await deployment.agreement();
  const texts = deployment.provider.to(phone).length;
  const other = await create(0, 'somebody-else');
  return [
    ...unless(rows.length === 1, `50 creates with one key made ${rows.length} agreements`),
    ...unless(texts === 1, `50 creates with one key sent ${texts} texts`),
    ...unless(references.size === 1, `50 creates with one key were answered with ${references.size} references`),
    ...unless(first.length === 1, `${first.length} creates with one key were answered as the first`),
    ...othersThan(['201 pending', '409 request_in_progress'], answers),
    ...unless(
      kindOf(other) === '422 idempotency_key_reused',
      `another create with the key is answered ${kindOf(other)}`,
    ),
    ...(await repeatedGuesses(deployment)),
  ];
};

/** A wrong guess sent 20 times over with one key is one guess. */
const repeatedGuesses: Attack = async (deployment) => {
  const { reference, code } = await deployment.agreement();
  const headers = { 'idempotency-key': randomUUID() };
  const answers = await storm(20, (index) =>
    deployment.at(index).post(`/v1/agreement/${reference}`, { code: otherThan(code) }, headers),
  );
  const { body } = await deployment.at(0).get(`/v1/agreement/${reference}`);
  return [
    ...unless(body['attempts_left'] === 2, `one guess, sent 20 times with one key, leaves ${body['attempts_left']}`),
    ...othersThan(['422 code_invalid', '409 request_in_progress'], answers),
  ];
};
