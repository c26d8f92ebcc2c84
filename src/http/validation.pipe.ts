import { type ArgumentMetadata, Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type FieldError, Problem } from './problem.js';

/** Checks bodies and queries against their classes; unknown fields are refused. */
@Injectable()
export class InputPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      validationError: { target: false, value: false },
      exceptionFactory: (errors) => new Problem('validation_failed', { errors: fieldErrors(errors) }),
    });
  }

  /** @throws Problem validation_failed */
  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // ValidationPipe takes an array for a list of such objects and finds nothing to complain of in an empty one.
    return super.transform(metadata.type === 'body' ? objectOf(value) : value, metadata) as Promise<unknown>;
  }

  /** The JSON parser has refused prototypes already; what is left are names like any other, such as in metadata. */
  protected override stripProtoKeys(): void {}
}

/** For routes that take no fields: no body, or an empty object. */
@Injectable()
export class NoFieldsPipe implements PipeTransform {
  /** @throws Problem validation_failed */
  transform(value: unknown): undefined {
    const errors = Object.keys(objectOf(value)).map((field) => ({ field, message: 'is not a known field' }));
    if (errors.length > 0) throw new Problem('validation_failed', { errors });
  }
}

function objectOf(value: unknown): object {
  if (value === undefined) return {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Problem('validation_failed', { errors: [{ field: '', message: 'the body must be a JSON object' }] });
}

function fieldErrors(errors: readonly ValidationError[], path = ''): FieldError[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const field = path === '' ? property : `${path}.${property}`;
    const own = Object.entries(constraints ?? {}).map(([rule, message]) => ({
      field,
      message: rule === 'whitelistValidation' ? 'is not a known field' : message,
    }));
    return [...own, ...fieldErrors(children ?? [], field)];
  });
}
