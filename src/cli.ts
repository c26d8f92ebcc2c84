import 'reflect-metadata';

/** The commands of an operator, by the name that follows `node dist/cli.js` or `npm run`. */
const COMMANDS: Readonly<Record<string, () => Promise<string>>> = {
  'migration:run': async () => {
    const applied = await migrate((source) => source.runMigrations());
    return applied.length === 0
      ? 'The schema is up to date.'
      : `Applied: ${applied.map(({ name }) => name).join(', ')}`;
  },
  'migration:revert': async () => {
    await migrate((source) => source.undoLastMigration());
    return 'The newest migration is reverted.';
  },
};

type MigrationSource = Awaited<typeof import('./migration.data-source.js')>['default'];

async function migrate<T>(work: (source: MigrationSource) => Promise<T>): Promise<T> {
  const { default: source } = await import('./migration.data-source.js');
  await source.initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}

const [name = ''] = process.argv.slice(2);
const command = COMMANDS[name];
try {
  if (!command) throw new Error(`There is no command '${name}'. The commands are: ${Object.keys(COMMANDS).join(', ')}`);
  process.stdout.write(`${await command()}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
