import type { AttackName } from './attacks.js';

/** A defect, put into the built service on purpose, that attacks have to find. */
export interface Mutation {
  /** Each of them must find it, and say this of it. */
  readonly found: Readonly<Partial<Record<AttackName, RegExp>>>;
  /** Below `dist/`. */
  readonly file: string;
  readonly replace: readonly (readonly [from: string, to: string])[];
}

const NO_NONCE = ['.update(nonce).update(bytesOf(subject))', '.update(bytesOf(subject))'] as const;

const OF_GUESSES: Readonly<Record<string, Mutation>> = {
  'a change is saved on any version': {
    found: {
      '200 parallel guesses': /\d+ of 200 parallel guesses were evaluated/,
      '50 parallel right codes': /of 50 right codes \d+ confirmed/,
    },
    file: 'agreement/agreement.sql.js',
    replace: [
      [
        'WHERE a.reference = ANY ($4::uuid[]) AND a.reference = q.reference AND a.version = q.version',
        'WHERE a.reference = ANY ($4::uuid[]) AND a.reference = q.reference',
      ],
    ],
  },
  'a guess is answered before it is counted': {
    found: {
      '200 parallel guesses': /\d+ of 200 parallel guesses were evaluated/,
      '50 parallel right codes': /of 50 right codes \d+ confirmed/,
    },
    file: 'agreement/agreement.repository.js',
    replace: [['if (await this.#save(loaded, ', 'if (this.#save(loaded, ']],
  },
  'a resend forgives the failures': {
    found: { 'guesses over resends': /the guesses were answered/ },
    file: 'agreement/agreement.js',
    replace: [
      [
        'const generation = this.#progress.generation + 1;',
        'const generation = this.#progress.generation + 1; this.#become({ failures: 0 });',
      ],
    ],
  },
  'the failures of the agreement are left out of what is left': {
    found: { 'any order of guesses and resends': /left and not/ },
    file: 'agreement/agreement.js',
    replace: [['Math.min(policy.attempts - failed, policy.maxFailures - failures)', 'policy.attempts - failed']],
  },
  'a code belongs to no agreement': {
    found: { 'codes where they do not belong': /the code of another agreement was answered 200/ },
    file: 'agreement/confirmation-code.js',
    replace: [NO_NONCE, ["bytes.write(reference.replaceAll('-', ''), 0, 'hex');", '']],
  },
  'a code belongs to no generation': {
    found: { 'codes where they do not belong': /the old code was answered 200/ },
    file: 'agreement/confirmation-code.js',
    replace: [NO_NONCE, ['bytes.writeUInt32BE(generation, 16);', '']],
  },
  'the old code lives on': {
    found: { 'codes where they do not belong': /the old code was answered 200/ },
    file: 'agreement/agreement.js',
    replace: [['#issue(code) {', '#issue(code) { code = this.#progress.state.code ?? code;']],
  },
  'the form of a guess is not looked at': {
    found: { 'confused confirms': /attempts are left after bodies that are no guess/ },
    file: 'agreement/agreement.dto.js',
    replace: [['Matches(/^[0-9]{6,10}$/', 'Matches(/^[^]+$/']],
  },
  'unknown fields are taken': {
    found: { 'confused confirms': /answered 200/, 'confused creates': /is answered 201/ },
    file: 'http/validation.pipe.js',
    replace: [
      [
        'if (nested === undefined) errors.push(',
        'if (nested === undefined) input[name] = value; else if (false) errors.push(',
      ],
    ],
  },
  'every resend is taken at once': {
    found: { '50 parallel resends': /50 resends at once asked for \d+ codes/ },
    file: 'agreement/agreement.js',
    replace: [
      ['if (wait > 0) throw', 'if (false) throw'],
      ['if (waiting) return false;', ''],
    ],
  },
};

const OF_KEYS_OF_REQUESTS: Readonly<Record<string, Mutation>> = {
  'an Idempotency-Key is taken anew by everybody': {
    found: { '50 parallel creates with one key': /50 creates with one key made \d+ agreements/ },
    file: 'agreement/idempotency.sql.js',
    replace: [['WHERE idempotency_key.created_at < now()', 'WHERE true OR now() < now()']],
  },
  'an Idempotency-Key is not looked at': {
    found: { '50 parallel creates with one key': /50 creates with one key made \d+ agreements/ },
    file: 'http/idempotency-key.js',
    replace: [['if (key === undefined) return null;', 'if (key !== null) return null;']],
  },
};

const OF_CODES: Readonly<Record<string, Mutation>> = {
  'a code is kept as a plain hash': {
    found: { 'a stolen dump': /a plain hash gives the code/ },
    file: 'agreement/confirmation-code.js',
    replace: [
      ["createHmac('sha256', this.#subkeys(keyId).compare)", "createHash('sha256')"],
      ['import { createHmac', 'import { createHash, createHmac'],
    ],
  },
  'a code is hashed under its nonce': {
    found: { 'a stolen dump': /sha256 of subject and code under part/ },
    file: 'agreement/confirmation-code.js',
    replace: [
      [
        'nonce,\n            hash: this.#hash(this.#currentId, subject, code)',
        'nonce, hash: this.#hash(nonce, subject, code)',
      ],
      ['this.#hash(seal.keyId, subject, guess)', 'this.#hash(seal.nonce, subject, guess)'],
      ["createHmac('sha256', this.#subkeys(keyId).compare)", "createHmac('sha256', keyId)"],
    ],
  },
  'no code begins with a zero': {
    found: { 'guessing the next code': /no code begins with a zero/ },
    file: 'agreement/confirmation-code.js',
    replace: [
      ['% 10n ** BigInt(this.#length)', '% (9n * 10n ** BigInt(this.#length - 1)) + 10n ** BigInt(this.#length - 1)'],
    ],
  },
  'a code has two bytes of chance': {
    found: { 'guessing the next code': /uneven/ },
    file: 'agreement/confirmation-code.js',
    replace: [['BigInt(`0x${digest}`)', 'BigInt(`0x${digest.slice(0, 4)}`)']],
  },
  'a nonce is made of Math.random': {
    found: { 'chance that can be guessed': /issue-code\.js takes Math\.random/ },
    file: 'agreement/issue-code.js',
    replace: [['randomBytes(16)', 'Buffer.from(String(Math.random()).padEnd(16)).subarray(0, 16)']],
  },
};

const OF_CALLERS: Readonly<Record<string, Mutation>> = {
  'anybody may load an agreement': {
    found: { "another client's agreements": /confirm of a foreign one answers 200/ },
    file: 'agreement/agreement.sql.js',
    replace: [['AND (q.client_asking IS NULL OR client = q.client_asking)', '']],
  },
  'the hash of a key is taken for the key': {
    found: { 'wrong keys': /a wrong key/ },
    file: 'http/api-keys.js',
    replace: [
      [
        'timingSafeEqual(key.digest, digest)',
        "timingSafeEqual(key.digest, digest) || key.digest.toString('hex') === presented",
      ],
    ],
  },
  'only what begins like a key is hashed slowly': {
    found: { 'nearly right keys by time': /told apart/ },
    file: 'http/api-keys.js',
    replace: [
      ['import { hash,', 'import { hash, scryptSync,'],
      [
        "hash('sha256', presented, 'buffer')",
        "hash('sha256', presented.startsWith('attack-') && scryptSync(presented, '', 32, { N: 2048 }) ? presented : presented, 'buffer')",
      ],
    ],
  },
  'a foreign agreement is looked at before it is refused': {
    found: { 'foreign agreements by time': /of a foreign agreement is told apart/ },
    file: 'agreement/agreement.repository.js',
    replace: [
      [
        'const row = await this.stored.load({\n            reference,\n            client,\n            key: null\n        });',
        'let row = await this.stored.load({ reference, client: null, key: null }); if (row.reference && client !== null && row.client !== client) { loadedFrom(await this.stored.load({ reference, client: null, key: null })); await new Promise((done) => setTimeout(done, 2)); row = { reference: null }; }',
      ],
    ],
  },
  'any Host is good': {
    found: { 'rebinding a name': /of the host evil\.example is answered 200/ },
    file: 'http/server.js',
    replace: [['!config.apiKeys && !isOurs(request, config)', 'false']],
  },
};

const NOTHING = /could not be led|answered? 40[45]|answers 40[45]/;

/** A verdict on nothing is none: where nobody answers, every attack has to say so. */
const OF_NOTHING: Readonly<Record<string, Mutation>> = {
  'nothing is there': {
    found: {
      '200 parallel guesses': NOTHING,
      'guesses over resends': NOTHING,
      '50 parallel right codes': NOTHING,
      '50 parallel resends': NOTHING,
      '50 parallel creates with one key': NOTHING,
      'codes where they do not belong': NOTHING,
      'confused confirms': NOTHING,
      'confused creates': NOTHING,
      'a stolen dump': NOTHING,
      "another client's agreements": NOTHING,
      'wrong keys': NOTHING,
      'foreign agreements by time': NOTHING,
      'nearly right keys by time': NOTHING,
    },
    file: 'http/server.js',
    replace: [['else if (request.is404)', "else if (!request.url.startsWith('/health/'))"]],
  },
};

const OF_LEAKS: Readonly<Record<string, Mutation>> = {
  'a code is logged when it is sent': {
    found: { 'a leak of a code or a number': /a code in the output of process 3/ },
    file: 'messaging/send-dispatch.js',
    replace: [
      [
        'this.#log(send, outcome.kind',
        'this.logger.debug({ code: issue.code.reveal() }); this.#log(send, outcome.kind',
      ],
    ],
  },
  'the body of a request is logged': {
    found: { 'a leak of a code or a number': /the phone in the output of process 1/ },
    file: 'http/server.js',
    replace: [['client: request.client || undefined,', 'client: request.client || undefined, body: request.body,']],
  },
  'an event carries the code': {
    found: { 'a leak of a code or a number': /a code in the topic/ },
    file: 'agreement/agreement.js',
    replace: [['const { generation } = code;', 'const generation = guess.reveal();']],
  },
  'a problem repeats what was sent': {
    found: { 'a leak of a code or a number': /the phone in the answer 422/ },
    file: 'http/validation.pipe.js',
    replace: [
      ['value: false', 'value: true'],
      ['function fieldErrors({ property, constraints }', 'function fieldErrors({ property, constraints, value }'],
      [
        'Object.values(constraints ?? {}).map(',
        'Object.values(constraints ?? {}).map((text)=>text + JSON.stringify(value)).map(',
      ],
    ],
  },
  'an agreement shows the whole number': {
    found: { 'a leak of a code or a number': /the phone in the answer 20/ },
    file: 'agreement/agreement.view.js',
    replace: [['maskPhoneNumber(address.reveal())', 'address.reveal()']],
  },
};

/** By what is wrong. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  ...OF_NOTHING,
  ...OF_GUESSES,
  ...OF_KEYS_OF_REQUESTS,
  ...OF_CODES,
  ...OF_CALLERS,
  ...OF_LEAKS,
};
