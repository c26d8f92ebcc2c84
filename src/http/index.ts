export { ApiProblems, ProblemDto } from './api-problems.js';
export { Health } from './health.js';
export { type FieldError, Problem, type ProblemCode, type ProblemDetails, PROBLEMS } from './problem.js';
export { Client, Traceparent } from './request.js';
export { InputPipe, NoFieldsPipe } from './validation.pipe.js';
export { IfGiven, IsMetadata, IsText, IsTime } from './text.validators.js';
