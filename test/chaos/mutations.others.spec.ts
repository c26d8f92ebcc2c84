import { seesMutations } from './suite.js';

seesMutations('of events and changes', ({ file }) => !file.startsWith('messaging/') && !file.startsWith('limits/'));
