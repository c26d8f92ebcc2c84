import type { Mutation } from '../chaos/mutations.js';

/** A defect, put into the built service on purpose, that the fuzzer has to see. */
export interface Defect extends Pick<Mutation, 'file' | 'replace'> {
  /** The operation that it harms. */
  readonly operation: string;
  /** What the fuzzer says. */
  readonly found: RegExp;
}

/** Takes any body to confirm for a wrong code, and answers it as such, which is a refusal too. */
export const GUESSING: Pick<Mutation, 'file' | 'replace'> = {
  file: 'http/validation.pipe.js',
  replace: [
    [
      'if (errors.length > 0) throw',
      'if (errors.length > 0 && metatype.name === "ConfirmAgreementDto") input.code = "000000"; else if (errors.length > 0) throw',
    ],
  ],
};

export const DEFECTS: Readonly<Record<string, Defect>> = {
  'some input is answered with 500': {
    operation: 'cancelAgreement',
    found: /Server error/,
    file: 'agreement/agreement.controller.js',
    replace: [
      [
        'new CancelAgreement(client, known(reference), reason ?? null',
        'new CancelAgreement(client, known(reference), reason ? reason.normalize(reason.length > 40 ? "?" : "NFC") : null',
      ],
    ],
  },
  'a status is not in the document': {
    operation: 'cancelAgreement',
    found: /Undocumented status code/,
    file: 'http/problem-document.js',
    replace: [['reply.status(problem.status)', 'reply.status(problem.status === 422 ? 418 : problem.status)']],
  },
  'an answer does not fit its schema': {
    operation: 'listAgreements',
    found: /Response violates schema/,
    file: 'agreement/agreement.view.js',
    replace: [['test: facts.test', 'test: "no"']],
  },
  'a valid request is called invalid': {
    operation: 'cancelAgreement',
    found: /called validation_failed/,
    file: 'agreement/agreement.dto.js',
    replace: [['IsText(1, 500)', 'IsText(1, 20)']],
  },
  'an invalid request is taken': {
    operation: 'cancelAgreement',
    found: /Schema-violating request accepted/,
    file: 'agreement/agreement.dto.js',
    replace: [['IsText(1, 500)', 'IsText(0, 5000)']],
  },
  'a route asks for no key': {
    operation: 'listAgreements',
    found: /API accepts requests without authentication/,
    file: 'http/route-scopes.js',
    replace: [["'GET /v1/agreement': 'read'", "'GET /v1/agreement': 'public'"]],
  },
};
