import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import jsdoc from 'eslint-plugin-jsdoc';
import importSort from 'eslint-plugin-simple-import-sort';
import tseslint from 'typescript-eslint';

const NODE_GLOBALS = ['Buffer', 'console', 'fetch', 'performance', 'process', 'setTimeout', 'clearTimeout', 'URL'];
const BROWSER_GLOBALS = ['AbortSignal', 'document', 'getSelection', 'location', 'navigator', 'URLSearchParams'];
const TESTS = ['**/*.spec.ts', 'test/**', 'bench/**'];

const NO_RANDOM = {
  object: 'Math',
  property: 'random',
  message: 'Guessable. Take node:crypto: randomInt, randomBytes, randomUUID.',
};
const ONLY_IN_CONFIG = 'Only src/config.ts reads the environment; take what you need from CONFIG.';
const NO_ENVIRONMENT = { object: 'process', property: 'env', message: ONLY_IN_CONFIG };

/** The ways round, on which the two above would not be seen. */
const BY_ITS_NAME = {
  selector:
    ':matches(MemberExpression[object.name=/^global(This)?$/]' +
    ':matches([property.name=/^(Math|process)$/], [property.value=/^(Math|process)$/]), ' +
    'VariableDeclarator[id.type="Identifier"][init.name=/^(Math|process|global|globalThis)$/])',
  message: 'Use it by its own name, so that the rules on its properties hold.',
};
const HANDLED = {
  selector:
    ':matches(ClassDeclaration, ClassExpression)' +
    ':matches([superClass.name=/^(Command|Query)$/], [superClass.property.name=/^(Command|Query)$/])' +
    ':not(:has(> Decorator[expression.name="MustBeHandled"]))',
  message: 'Decorate it with @MustBeHandled, so that a start without its handler is refused.',
};
const NO_CLOCK = {
  selector:
    ':matches(NewExpression[callee.name="Date"][arguments.length=0], ' +
    'MemberExpression[object.name=/^(Date|performance)$/][property.name="now"])',
  message: "Time is the database's, and is passed in.",
};
const NO_ONLY = {
  selector: 'MemberExpression[object.name=/^(describe|it|test)$/][property.name="only"]',
  message: 'The other tests would not run.',
};

/** What strict typing asks for and this code does not need, each with the reason. */
const TUNED = {
  // `() => clearTimeout(timer)` and `return fail(error)` hand on: braces around each would be noise.
  '@typescript-eslint/no-confusing-void-expression': 'off',
  // A number reads as a number; `undefined` and `[object Object]` are what nobody wants to read.
  '@typescript-eslint/restrict-template-expressions': [
    'error',
    {
      allowNumber: true,
      allowAny: false,
      allowBoolean: false,
      allowNever: false,
      allowNullish: false,
      allowRegExp: false,
    },
  ],
  // Nest's modules are empty classes under a decorator.
  '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
  // A DTO is a class only for its decorators; answers are plain objects of its shape.
  '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
  // An interface may ask for what here is nothing: the name of the method says that.
  '@typescript-eslint/no-empty-function': 'off',
  // It does not know `Promise.withResolvers<void>()`.
  '@typescript-eslint/no-invalid-void-type': 'off',
  // Types of libraries promise more than they keep, and it does not see what changes during an await.
  '@typescript-eslint/no-unnecessary-condition': 'off',
  // What is to replace it, Error.isError, is not in Node 22.
  '@typescript-eslint/no-deprecated': ['error', { allow: ['isNativeError'] }],
  // An empty variable is no variable.
  '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
  // API keys are compared all, in constant time.
  '@typescript-eslint/prefer-find': 'off',
  // Code points are what PostgreSQL counts.
  '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
  // A parameter of a route may be there for its pipe alone, a variable to count rounds, a field to leave it out.
  '@typescript-eslint/no-unused-vars': [
    'error',
    { argsIgnorePattern: '^_', varsIgnorePattern: '^_$', ignoreRestSiblings: true },
  ],
};

export default defineConfig(
  { ignores: ['dist/', '.bench/', 'coverage/', '.data/', '.test-results/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    plugins: { 'import-sort': importSort },
    rules: {
      'import-sort/imports': ['error', { groups: [['^\\u0000', '^node:', '^@?\\w', '^\\.\\.', '^\\.']] }],
      'import-sort/exports': 'error',
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [eslint.configs.recommended],
    languageOptions: { globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, 'readonly'])) },
  },
  {
    files: ['src/messaging/sandbox/*.js'],
    languageOptions: { globals: Object.fromEntries(BROWSER_GLOBALS.map((name) => [name, 'readonly'])) },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...TUNED,
      eqeqeq: 'error',
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: false }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  {
    files: TESTS,
    rules: {
      'no-restricted-syntax': ['error', NO_ONLY],
      // The body of an answer is what the service says; the assertion is its check.
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // What is not there, or reads as nothing, fails the spec as well.
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      // A spec does what nobody should, to see what comes of it.
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/restrict-plus-operands': 'off',
      // A stand-in is async because what it stands for is.
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['src/**'], rules: { 'no-restricted-properties': ['error', NO_RANDOM] } },
  {
    files: ['src/**'],
    ignores: TESTS,
    plugins: { jsdoc },
    rules: {
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-restricted-properties': ['error', NO_RANDOM, NO_ENVIRONMENT],
      'no-restricted-imports': ['error', { paths: ['process', 'node:process'] }],
      'no-restricted-syntax': ['error', BY_ITS_NAME, HANDLED],
      'jsdoc/check-param-names': ['error', { disableMissingParamChecks: true, checkDestructured: false }],
      'jsdoc/check-tag-names': ['error', { typed: true }],
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          enableFixer: false,
          require: { FunctionDeclaration: true },
          contexts: [
            'TSInterfaceDeclaration',
            // A handler is told by the command above it.
            'ClassDeclaration:not(:has(> Decorator[expression.callee.name=/^(Command|Query)Handler$/]))',
          ],
        },
      ],
    },
  },
  {
    files: ['src/agreement/**'],
    ignores: TESTS,
    rules: { 'no-restricted-syntax': ['error', BY_ITS_NAME, HANDLED, NO_CLOCK] },
  },
  // The fields of a DTO are described where callers read them, in the OpenAPI document.
  { files: ['src/**/*.dto.ts'], rules: { 'jsdoc/require-jsdoc': 'off' } },
  { files: ['src/config.ts'], rules: { 'no-restricted-properties': ['error', NO_RANDOM] } },
);
