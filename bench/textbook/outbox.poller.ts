import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource, IsNull } from 'typeorm';
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
      for (const event of events) event.publishedAt = new Date();
      await outbox.save(events);
    } finally {
      this.#busy = false;
    }
  }
}
