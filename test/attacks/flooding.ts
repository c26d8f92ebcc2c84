import { type Answer, codeIn } from '../support/api.js';
import { until } from '../support/until.js';
import { type Attack, counted, othersThan, storm, unless, warmUp } from './answers.js';
import { type Caller, type Deployment, farPhone } from './deployment.js';

const AGREEMENTS = 50;
const CAP = 5;
const PER_CODE = 3;

/**
 * 50 agreements at once for one phone: as many texts as its limit allows, and nothing to guess at beyond them. Wants
 * 5 texts to a number.
 */
export const floodedPhone: Attack = async (deployment) => {
  await warmUp(deployment, AGREEMENTS / 2);
  const phone = farPhone();
  const asked = await storm(AGREEMENTS, (index) => deployment.at(index).create({ phone }));
  const references = asked.filter(({ status }) => status === 201).map(({ body }) => String(body['reference']));
  const views = await Promise.all(references.map((reference) => settled(deployment, reference)));
  const failed = views.filter(({ delivery }) => delivery === 'failed');
  const told = asked.filter(({ status }) => status === 429).map(({ body }) => body['limit']);
  const texts = deployment.provider.to(phone).map(({ body }) => body.text);
  const guesses = await guessed(deployment, references, texts.map(codeIn));
  const { '422 code_invalid': evaluated = 0 } = counted(guesses);
  return [
    ...othersThan(['201 pending', '429 send_limit_reached'], asked),
    ...unless(texts.length === CAP, `50 agreements for one phone sent ${texts.length} texts`),
    ...unless(
      failed.every((view) => view['delivery_reason'] === 'limit') && failed.length === references.length - CAP,
      `of ${references.length} agreements that were taken ${failed.length} failed`,
    ),
    ...unless(
      told.every((limit) => limit === 'phone'),
      `the refusals name ${[...new Set(told)].join()}`,
    ),
    ...unless(evaluated === CAP * PER_CODE, `50 agreements for one phone gave ${evaluated} guesses`),
    ...othersThan(['422 code_invalid', '409 attempts_exhausted', '409 code_not_sent_yet'], guesses),
  ];
};

/** An agreement once its text is out, or will never be. */
export function settled(
  deployment: Deployment,
  reference: string,
  caller: Caller = 'shop',
): Promise<Record<string, any>> {
  return until(`the end of the send of ${reference}`, async () => {
    const { body } = await deployment.at(0, caller).get(`/v1/agreement/${reference}`);
    return body['delivery'] === 'sent' || body['delivery'] === 'failed' ? body : undefined;
  });
}

/** One guess more at each agreement than a code has; none of them is right anywhere. */
async function guessed(
  deployment: Deployment,
  references: readonly string[],
  codes: readonly string[],
): Promise<Answer[]> {
  const wrong = ['000000', '000001', '000002', '000003', '000004', '000005'].find((code) => !codes.includes(code));
  return storm(references.length * (PER_CODE + 1), (index) =>
    deployment.at(index).confirm(references[index % references.length] ?? '', wrong ?? ''),
  );
}
