import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource, In, IsNull } from 'typeorm';
import { OutboxEntity } from './outbox.entity.js';

const EVERY = 500;
const BATCH = 100;

/** Twice a second the oldest events that were not published; publishing itself costs nothing here. */
@Injectable()
export class OutboxPoller implements OnApplicationBootstrap {
  #busy = false;

  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    setInterval(() => void this.#poll(), EVERY).unref();
  }

  async #poll(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const outbox = this.dataSource.getRepository(OutboxEntity);
      const events = await outbox.find({ where: { publishedAt: IsNull() }, order: { id: 'ASC' }, take: BATCH });
      if (events.length === 0) return;
      // Not `save`, which would write again what was cleared away between two rounds.
      await outbox.update({ id: In(events.map(({ id }) => id)) }, { publishedAt: new Date() });
    } finally {
      this.#busy = false;
    }
  }
}
