export { ApiProblems, ProblemDto, problemTable } from './api-problems.js';
export { Health } from './health.js';
export { Problem } from './problem.js';
export { Client, Traceparent } from './request.js';
export { ROUTE_SCOPES } from './route-scopes.js';
export { IfGiven, IsCount, IsMetadata, IsText, IsTime } from './text.validators.js';
export { InputPipe, NoFieldsPipe } from './validation.pipe.js';
