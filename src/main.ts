import 'reflect-metadata';

// First of all: loading the rest takes a second, and as process 1 of a container a signal that is not handled is lost.
let onSignal = (): void => process.exit(0);
// Not once: npm hands Ctrl-C on to a process that has it from the terminal already, and the second must not kill it.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => onSignal());

const { run } = await import('./run.js');
await run((stop) => (onSignal = stop));
