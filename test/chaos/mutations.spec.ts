import { seesMutations } from './suite.js';

seesMutations('of texts', ({ file }) => file.startsWith('messaging/') || file.startsWith('limits/'));
