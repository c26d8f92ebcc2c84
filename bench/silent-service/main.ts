import 'reflect-metadata';

/**
 * The service as it is built, but that nobody is told of events: what it then does more in a second is what telling costs.
 * The relay would find the events by looking every few seconds.
 */
const dist = new URL('../../dist/', import.meta.url);
const { OutboxSignal } = (await import(
  new URL('outbox/index.js', dist).href
)) as typeof import('../../src/outbox/index.js');
OutboxSignal.prototype.notify = () => undefined;
await import(new URL('main.js', dist).href);
