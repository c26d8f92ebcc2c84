import { Injectable, type OnApplicationBootstrap, type Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

const declared = new Set<Type>();

/** Class decorator of every command and query: a type of message that must have a handler when the service starts. */
export function MustBeHandled(message: Type): void {
  declared.add(message);
}

/** Keys under which @nestjs/cqrs notes on a handler class which message it handles. */
const HANDLER_KEYS = ['__commandHandler__', '__queryHandler__'];

/** Refuses a start that would find out only at the first request that nobody handles a message. */
@Injectable()
export class HandlerCheck implements OnApplicationBootstrap {
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws Error naming every message without a handler */
  onApplicationBootstrap(): void {
    const handlers = this.discovery.getProviders().flatMap(({ metatype }) => metatype ?? []);
    const handled = new Set<unknown>(
      handlers.flatMap((handler) => HANDLER_KEYS.map((key) => Reflect.getMetadata(key, handler) as unknown)),
    );
    const unhandled = [...declared].filter((message) => !handled.has(message));
    if (unhandled.length > 0) throw new Error(`No handler for: ${unhandled.map(({ name }) => name).join(', ')}`);
  }
}
