import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { keepsRules } from './kept-rules.js';
import { type FieldError, Problem } from './problem.js';

const UNKNOWN = 'is not a known field';

/**
 * Turns bodies and queries into their classes and checks them; unknown fields are refused. A value goes over as it came:
 * class-transformer, which Nest's own pipe uses, recurses into whatever it is given, drops the keys `constructor` and
 * `__proto__`, and fails on an object that has them.
 */
@Injectable()
export class InputPipe implements PipeTransform {
  /** @throws Problem validation_failed */
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (!metatype || (type !== 'body' && type !== 'query') || fieldsOf(metatype).size === 0) return value;
    const { input, errors } = inputOf(metatype, objectOf(value), '');
    if (errors.length > 0) throw new Problem('validation_failed', { errors });
    return input;
  }
}

/** For routes that take no fields: no body, or an empty object. */
@Injectable()
export class NoFieldsPipe implements PipeTransform {
  /** @throws Problem validation_failed */
  transform(value: unknown): undefined {
    const errors = Object.keys(objectOf(value)).map((field) => ({ field, message: UNKNOWN }));
    if (errors.length > 0) throw new Problem('validation_failed', { errors });
  }
}

interface Input {
  readonly input: object;
  readonly errors: readonly FieldError[];
}

/** An instance with the fields that its class declares; a field whose type is such a class is one in turn. */
function inputOf(metatype: Type, given: object, path: string): Input {
  const fields = fieldsOf(metatype);
  const input = new metatype() as Record<string, unknown>;
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(given)) {
    const nested = fields.get(name);
    if (nested === undefined) errors.push({ field: path + name, message: UNKNOWN });
    else if (nested === null || !isObject(value)) input[name] = value;
    else {
      const inner = inputOf(nested, value, `${path}${name}.`);
      input[name] = inner.input;
      errors.push(...inner.errors);
    }
  }
  if (keepsRules(metatype, input)) return { input, errors };
  const faults = validateSync(input, { validationError: { target: false, value: false } });
  return { input, errors: [...errors, ...faults.flatMap((fault) => fieldErrors(fault, path))] };
}

/** Of each field the class that what it holds is made an instance of; null where it is taken as it is. */
type Fields = ReadonlyMap<string, Type | null>;

const fieldsByClass = new WeakMap<Type, Fields>();

/** The names that carry a rule; a class without any is not an input. */
function fieldsOf(metatype: Type): Fields {
  const known = fieldsByClass.get(metatype);
  if (known) return known;
  const rules = getMetadataStorage().getTargetValidationMetadatas(metatype, '', false, false);
  const fields = new Map(rules.map(({ propertyName }) => [propertyName, nestedTypeOf(metatype, propertyName)]));
  fieldsByClass.set(metatype, fields);
  return fields;
}

function nestedTypeOf(metatype: Type, field: string): Type | null {
  const type: unknown = Reflect.getMetadata('design:type', metatype.prototype as object, field);
  return typeof type === 'function' && fieldsOf(type as Type).size > 0 ? (type as Type) : null;
}

function fieldErrors({ property, constraints }: ValidationError, path: string): FieldError[] {
  return Object.values(constraints ?? {}).map((message) => ({ field: path + property, message }));
}

function objectOf(value: unknown): object {
  if (value === undefined) return {};
  if (isObject(value)) return value;
  throw new Problem('validation_failed', { errors: [{ field: '', message: 'the body must be a JSON object' }] });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
