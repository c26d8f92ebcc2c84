import { describe, expect, it } from '@jest/globals';
import { Command, Query } from '@nestjs/cqrs';
import { MustBeHandled } from '../src/must-be-handled.js';
import { useDatabase } from './support/database.js';
import { startService } from './support/service.js';

describe('a service whose messages are not all handled', () => {
  const database = useDatabase();

  it('does not start, and names them', async () => {
    @MustBeHandled
    class ForgottenCommand extends Command<void> {}
    @MustBeHandled
    class ForgottenQuery extends Query<void> {}

    const start = startService(database);

    await expect(start).rejects.toThrow(`No handler for: ${ForgottenCommand.name}, ${ForgottenQuery.name}`);
  });
});
