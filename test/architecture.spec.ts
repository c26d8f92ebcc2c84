import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkFolders, copyWith, type Cruise, cruise, lint, type Plant, ROOT } from './support/architecture.js';

interface Case extends Plant {
  readonly rule: string;
}

const AGREEMENT = 'src/agreement/agreement.module.ts';
const MESSAGING = 'src/messaging/messaging.module.ts';

/** One file for each way to break a rule of the dependency check; each may break that one rule only. */
const DEPENDENCIES: Case[] = [
  {
    rule: 'domain-is-pure',
    file: 'src/agreement/planted-policy.ts',
    text: "import 'node:crypto';\nimport './agreement.state.js';\nimport { Injectable } from '@nestjs/common';\n",
    from: AGREEMENT,
  },
  {
    rule: 'domain-is-pure',
    file: 'src/agreement/planted-lookup.ts',
    text: "import type { AgreementRepository } from './agreement.repository.js';\n",
    from: AGREEMENT,
  },
  {
    rule: 'domain-is-pure',
    file: 'src/agreement/planted-setting.ts',
    text: "import { Secret } from '../secret.js';\nimport type { Config } from '../config.js';\n",
    from: AGREEMENT,
  },
  {
    rule: 'domain-is-pure',
    file: 'src/agreement/planted-domain.ts',
    text: "import './email-address.js';\nimport { Resolver } from 'node:dns/promises';\n",
    from: AGREEMENT,
  },
  {
    rule: 'agreement-knows-no-messaging',
    file: 'src/agreement/request-planted.ts',
    text: "import type { Sender } from '../messaging/index.js';\n",
    from: AGREEMENT,
  },
  {
    rule: 'limits-know-no-feature',
    file: 'src/limits/planted.ts',
    text: "import type { AgreementFacts } from '../agreement/index.js';\n",
    from: 'src/limits/limits.module.ts',
  },
  {
    rule: 'outbox-knows-no-feature',
    file: 'src/outbox/planted.ts',
    text: "import type { AgreementFacts } from '../agreement/index.js';\n",
    from: 'src/outbox/outbox.module.ts',
  },
  {
    rule: 'front-door-only',
    file: 'src/messaging/planted-state.ts',
    text: "import type { AgreementState } from '../agreement/agreement.state.js';\n",
    from: MESSAGING,
  },
  {
    rule: 'front-door-only-from-above',
    file: 'src/planted.ts',
    text: "import { Sender } from './messaging/sender.js';\n",
    from: 'src/service.ts',
  },
  { rule: 'no-junk-drawer', file: 'src/messaging/utils/text.ts', text: 'export {};\n', from: MESSAGING },
  { rule: 'no-junk-drawer', file: 'src/messaging/utils/time.ts', text: 'export {};\n', from: MESSAGING },
  {
    rule: 'kafkajs-only-in-kafka',
    file: 'src/messaging/planted.consumer.ts',
    text: "import type { Kafka } from 'kafkajs';\n",
    from: MESSAGING,
  },
  {
    rule: 'typeorm-only-at-the-database',
    file: 'src/messaging/planted-query.ts',
    text: "export const typeorm = () => import('typeorm');\n",
    from: MESSAGING,
  },
  {
    rule: 'pg-only-at-the-database',
    file: 'src/agreement/planted.controller.ts',
    text: "import pg from 'pg';\n",
    from: AGREEMENT,
  },
  {
    rule: 'one-phone-parser',
    file: 'src/messaging/planted-number.ts',
    text: "import { parsePhoneNumber } from 'libphonenumber-js/max';\n",
    from: MESSAGING,
  },
  {
    rule: 'class-validator-only-at-the-edge',
    file: 'src/agreement/create-planted.ts',
    text: "import { isUUID } from 'class-validator';\n",
    from: AGREEMENT,
  },
  {
    rule: 'no-dev-dependency-in-source',
    file: 'src/messaging/planted-property.ts',
    text: "import fc from 'fast-check';\n",
    from: MESSAGING,
  },
  {
    rule: 'no-circular',
    file: 'src/messaging/planted-hen.ts',
    text: "import type { Egg } from './planted-egg.js';\nexport type Hen = Egg[];\n",
    from: MESSAGING,
  },
  {
    rule: 'no-circular',
    file: 'src/messaging/planted-egg.ts',
    text: "import type { Hen } from './planted-hen.js';\nexport type Egg = Hen | undefined;\n",
    from: MESSAGING,
  },
  { rule: 'no-orphans', file: 'src/messaging/planted-orphan.ts', text: "import './send-code.js';\n" },
  {
    rule: 'source-stands-alone',
    file: 'src/messaging/planted-wait.ts',
    text: "import { until } from '../../test/support/until.js';\n",
    from: MESSAGING,
  },
  {
    rule: 'migrations-stand-alone',
    file: 'migrations/9000000000000-planted.ts',
    text: "import { agreementSchema } from '../src/agreement/index.js';\n",
  },
  {
    rule: 'no-unresolvable',
    file: 'src/messaging/planted-gap.ts',
    text: "import './not-there.js';\n",
    from: MESSAGING,
  },
];

/** Too little for a folder, and broken by no import. */
const LONELY: Plant = { file: 'src/planted/index.ts', text: 'export {};\n', from: 'src/service.ts' };

const COMMAND = "import { Command } from '@nestjs/cqrs';\n";
const MUST_BE_HANDLED = "import { MustBeHandled } from '../must-be-handled.js';\n";

/** The same for ESLint. */
const LINES: Case[] = [
  {
    rule: 'no-restricted-properties',
    file: 'src/http/planted-port.ts',
    text: "export const port = process.env['PORT'];\n",
  },
  { rule: 'no-restricted-properties', file: 'src/kafka/planted-env.ts', text: 'export const { env } = process;\n' },
  { rule: 'no-restricted-syntax', file: 'src/planted-env.ts', text: 'export const all = globalThis.process.env;\n' },
  {
    rule: 'no-restricted-syntax',
    file: 'src/planted-alias.ts',
    text: 'const it = process;\nexport const all = it.env;\n',
  },
  { rule: 'no-restricted-imports', file: 'src/http/planted-env.ts', text: "export { env } from 'node:process';\n" },
  {
    rule: 'no-restricted-properties',
    file: 'src/agreement/planted-code.ts',
    text: 'export const code = Math.random();\n',
  },
  {
    rule: 'no-restricted-properties',
    file: 'src/agreement/planted.spec.ts',
    text: 'export const code = Math.random();\n',
  },
  { rule: 'no-restricted-syntax', file: 'src/agreement/planted-time.ts', text: 'export const now = new Date();\n' },
  { rule: 'no-console', file: 'src/outbox/planted-print.ts', text: "console.log('published');\n" },
  {
    rule: 'no-restricted-syntax',
    file: 'src/agreement/reject-planted.ts',
    text: `${COMMAND}/** Gives up. */\nexport class RejectPlanted extends Command<string> {}\n`,
  },
  { rule: 'jsdoc/require-jsdoc', file: 'src/http/planted-mute.ts', text: 'export function mute(): void {}\n' },
];

/** Looks like a violation and is none. */
const ALLOWED: Plant[] = [
  {
    file: 'src/agreement/erase-planted.ts',
    text: `${COMMAND}${MUST_BE_HANDLED}/** Forgets. */\n@MustBeHandled\nexport class ErasePlanted extends Command<string> {}\n`,
  },
  { file: 'test/support/planted.ts', text: "export const port = process.env['PORT'];\n" },
];

describe('the dependency check', () => {
  let real: Cruise;
  let planted: Cruise;
  let folders: { real: string[]; planted: string[] };
  let copy: string;

  beforeAll(async () => {
    copy = await copyWith([...DEPENDENCIES, LONELY]);
    [real, planted] = await Promise.all([cruise(ROOT), cruise(copy)]);
    folders = { real: await checkFolders(ROOT), planted: await checkFolders(copy) };
  }, 60_000);

  afterAll(() => rm(copy, { recursive: true, force: true }));

  test('finds nothing wrong with the project, having seen it', () => {
    expect(real.violations).toEqual([]);
    expect(folders.real).toEqual([]);
    expect(real.files).toEqual(
      expect.arrayContaining(['src/main.ts', 'src/agreement/agreement.ts', 'test/support/until.ts']),
    );
    expect(real.files.some((file) => file.startsWith('migrations/'))).toBe(true);
  });

  test.each(DEPENDENCIES)('reports $file by the rule $rule and no other', ({ rule, file }) => {
    expect(planted.rulesBrokenBy(file)).toEqual([rule]);
  });

  test('has no rule without a planted violation', () => {
    expect([...planted.rules].sort()).toEqual([...new Set(DEPENDENCIES.map(({ rule }) => rule))].sort());
  });

  test('reports a folder with one file', () => {
    expect(folders.planted).toEqual([expect.stringContaining('src/planted:')]);
    expect(planted.rulesBrokenBy(LONELY.file)).toEqual([]);
  });
});

describe('ESLint', () => {
  let broken: ReadonlyMap<string, string[]>;
  let copy: string;

  beforeAll(async () => {
    copy = await copyWith([...LINES, ...ALLOWED]);
    const files = [...LINES, ...ALLOWED].map(({ file }) => file);
    broken = await lint(copy, [...files, 'src/config.ts']);
  }, 60_000);

  afterAll(() => rm(copy, { recursive: true, force: true }));

  test.each(LINES)('reports $file by the rule $rule and no other', ({ rule, file }) => {
    expect(broken.get(file)).toEqual([rule]);
  });

  test('lets config.ts read the environment, tests too, and a command be handled', () => {
    expect(broken.get('src/config.ts')).toEqual([]);
    for (const { file } of ALLOWED) expect(broken.get(file)).toEqual([]);
  });
});
