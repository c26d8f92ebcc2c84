/**
 * Who may import whom. Places, not lists of today's files: a new file falls under the rules of where it lies.
 * `test/architecture.spec.ts` plants a violation of each rule and sees that exactly that rule reports it.
 */

/**
 * The domain: what of src/agreement is neither the front door, nor of a kind that its ending names, nor a use case,
 * which its verb names. So a new file is the domain's until its name says otherwise, and a new verb is added here.
 */
const DOMAIN =
  '^src/agreement/(?!index\\.ts$' +
  '|(cancel|check|confirm|create|erase|expire|get|issue|list|request|withdraw)-' +
  '|.*\\.(controller|dto|module|repository|rows|schema|spec|sql|view)\\.ts$)';

/** What of a folder others may see. */
const FRONT_DOOR = '^src/[^/]+/(index|[^/]+\\.module)\\.ts$';

const SPEC = '\\.spec\\.ts$';

/** What somebody starts: the service, the commands of an operator, TypeORM's command line. */
const ENTRY = '^src/(main|cli|migration\\.data-source)\\.ts$';

/** Packages with their typings, and by their bare name where they are not installed. */
const packages = (...names) => `(^|node_modules/)(@types/)?(${names.join('|')})(/|$)`;

/** What runs in a browser, which asks for it by its address. */
const IN_A_BROWSER = '^src/messaging/sandbox/phone\\.js$';

const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** A package that only some places may know. */
const onlyIn = (places, name, comment, ...names) =>
  forbid(name, comment, { path: '^(src|migrations)/', pathNot: places }, { path: packages(...names) });

const AROUND_THE_DOMAIN = [
  forbid(
    'domain-is-pure',
    'Domain files import only each other, node:crypto, libphonenumber-js and what a secret is carried in: no framework, ' +
      'no database, no clock.',
    { path: DOMAIN },
    { pathNot: [DOMAIN, '^src/secret\\.ts$', '^(node:)?crypto$', packages('libphonenumber-js')] },
  ),
  forbid(
    'agreement-knows-no-messaging',
    'An agreement says in an event that a code is wanted; who brings it to a person, and how, is not its business. Nor ' +
      'is any other feature: of the folders it knows what every feature stands on.',
    { path: '^src/agreement/' },
    { path: '^src/[^/]+/', pathNot: '^src/(agreement|database|http|limits|outbox)/' },
  ),
  forbid(
    'limits-know-no-feature',
    'What is counted is told by whoever asks; of the other folders the limits know only the database.',
    { path: '^src/limits/' },
    { path: '^src/[^/]+/', pathNot: '^src/(limits|database)/' },
  ),
  forbid(
    'outbox-knows-no-feature',
    'The outbox carries any event; of the other folders it knows only the database.',
    { path: '^src/outbox/' },
    { path: '^src/[^/]+/', pathNot: '^src/(outbox|database)/' },
  ),
];

const FOLDERS = [
  forbid(
    'front-door-only',
    'From folder to folder only by index.ts or *.module.ts: the rest may change without asking anybody.',
    { path: '^src/([^/]+)/' },
    { path: '^src/[^/]+/', pathNot: ['^src/$1/', FRONT_DOOR] },
  ),
  forbid(
    'front-door-only-from-above',
    'What lies directly in src puts the folders together, by the same doors; server.ts is the door of the process.',
    { path: '^src/[^/]+$' },
    { path: '^src/[^/]+/', pathNot: [FRONT_DOOR, '^src/http/server\\.ts$'] },
  ),
  {
    name: 'no-junk-drawer',
    comment: 'A folder or file is named after what it holds.',
    severity: 'error',
    // No path is empty, so every file has fewer than one such dependent: the place alone is the fault.
    from: { path: '^$' },
    module: {
      path: '^(src|migrations)/(.+/)?(shared|commons?|utils?|utilit(y|ies)|helpers?|misc|lib)(/|\\.ts$)',
      numberOfDependentsLessThan: 1,
    },
  },
];

const PACKAGES = [
  onlyIn(
    ['^src/kafka/'],
    'kafkajs-only-in-kafka',
    'One client with its watchdog and the ways round its defects.',
    'kafkajs',
  ),
  onlyIn(
    [
      '^src/(database|outbox)/',
      '\\.(schema|repository)\\.ts$',
      // A list with filters is a read that no rule of the domain has a say in.
      '/list-[^/]+\\.ts$',
      '\\.data-source\\.ts$',
      '^migrations/',
    ],
    'typeorm-only-at-the-database',
    'In the database, the outbox, schemas, repositories, lists and migrations.',
    'typeorm',
    '@nestjs/typeorm',
  ),
  onlyIn(
    ['^src/(database|outbox)/'],
    'pg-only-at-the-database',
    'One pool with its timeouts and one idea of an outage.',
    'pg',
    'pg-[^/]+',
  ),
  onlyIn(
    ['^src/agreement/phone-number\\.ts$'],
    'one-phone-parser',
    'A number that two places read differently is two people.',
    '[^/]*phone-?number[^/]*',
  ),
  onlyIn(
    ['^src/http/', '\\.(dto|controller)\\.ts$'],
    'class-validator-only-at-the-edge',
    'The form of what comes in is checked where it comes in; rules are the plain code of the domain.',
    'class-validator',
    'class-transformer',
  ),
  forbid(
    'no-dev-dependency-in-source',
    'The service is installed without them. Typings are gone by then.',
    { path: '^(src|migrations)/', pathNot: SPEC },
    { dependencyTypes: ['npm-dev'], pathNot: '(^|node_modules/)@types/' },
  ),
];

const SHAPE = [
  forbid(
    'no-circular',
    'Not by types either: what cannot be understood without each other is one thing.',
    {},
    { circular: true },
  ),
  forbid(
    'no-orphans',
    'What neither the service, nor an operator command, nor the migration command line reaches is not part of it.',
    { path: ENTRY },
    { path: '^src/', pathNot: [SPEC, ENTRY, IN_A_BROWSER], reachable: false },
  ),
  forbid(
    'source-stands-alone',
    'The service is built without tests and benches, and finds its migrations by their folder.',
    { path: '^src/', pathNot: SPEC },
    { path: ['^(test|bench|scripts|migrations)/', SPEC] },
  ),
  forbid(
    'migrations-stand-alone',
    'A migration stays what it was on the day it ran, whatever becomes of the code.',
    { path: '^migrations/' },
    { path: '^(src|test|bench|scripts)/' },
  ),
  forbid('no-unresolvable', 'What cannot be followed is seen by no rule.', {}, { couldNotResolve: true }),
];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [...AROUND_THE_DOMAIN, ...FOLDERS, ...PACKAGES, ...SHAPE],
  options: {
    // Types count: they tie two files together as much as anything else.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    enhancedResolveOptions: { conditionNames: ['import', 'node', 'default', 'types'], exportsFields: ['exports'] },
  },
};
