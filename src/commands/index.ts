import type { Command } from './command.js';

export { Unreachable, UsageError } from './command.js';

/** The commands of an operator by the name that follows `node dist/cli.js`; each loads only what it needs. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  'migration:run': async (args) => (await import('./migration.command.js')).runMigrations(args),
  'migration:revert': async (args) => (await import('./migration.command.js')).revertMigration(args),
  outbox: async (args) => (await import('./outbox.command.js')).outbox(args),
  keys: async (args) => (await import('./keys.command.js')).keys(args),
  erase: async (args) => (await import('./erase.command.js')).erase(args),
  limits: async (args) => (await import('./limits.command.js')).limits(args),
  sms: async (args) => (await import('./sms.command.js')).sms(args),
  dlq: async (args) => (await import('./dlq.command.js')).dlq(args),
};
