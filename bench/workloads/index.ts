import type { Workload } from '../workload.js';
import { adversity } from './adversity.js';
import { confirm } from './confirm.js';
import { create } from './create.js';
import { drain } from './drain.js';
import { growth } from './growth.js';
import { identity } from './identity.js';
import { idle } from './idle.js';
import { journey } from './journey.js';
import { overload } from './overload.js';
import { slowProvider } from './slow-provider.js';

/** In the order in which they are run and reported. */
export const WORKLOADS: readonly Workload[] = [
  create,
  drain,
  confirm,
  identity,
  growth,
  journey,
  slowProvider,
  overload,
  adversity,
  idle,
];
