import type { Type } from '@nestjs/common';
import { getMetadataStorage, type ValidationArguments, ValidationTypes } from 'class-validator';

/** What one decorator of class-validator says. */
type RuleMetadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** The rules of one field. */
interface FieldRules {
  readonly name: string;
  /** Of `ValidateIf`: where one says no, nothing is asked of the field. */
  readonly conditions: readonly ((input: object, value: unknown) => boolean)[];
  readonly checks: readonly ((input: object, value: unknown) => boolean)[];
}

const rulesByClass = new WeakMap<Type, readonly FieldRules[]>();

/**
 * Whether an input keeps all rules of its class. It asks class-validator's own validators, found once for each class: the
 * library finds them anew for each input, which took 9 % of a create. What breaks a rule is put into words by the library.
 * @throws where a rule of the class is of a kind that this does not know
 */
export function keepsRules(metatype: Type, input: object): boolean {
  return rulesOf(metatype).every(({ name, conditions, checks }) => {
    const value = (input as Readonly<Record<string, unknown>>)[name];
    return !conditions.every((asks) => asks(input, value)) || checks.every((passes) => passes(input, value));
  });
}

function rulesOf(metatype: Type): readonly FieldRules[] {
  const known = rulesByClass.get(metatype);
  if (known) return known;
  const metadata = getMetadataStorage().getTargetValidationMetadatas(metatype, '', false, false);
  const rules = [...Map.groupBy(metadata, ({ propertyName }) => propertyName)].map(([name, ofField]) => ({
    name,
    conditions: ofField
      .filter(isCondition)
      .map(({ constraints }) => constraints[0] as FieldRules['conditions'][number]),
    checks: ofField.filter((each) => !isCondition(each)).flatMap(checksOf),
  }));
  rulesByClass.set(metatype, rules);
  return rules;
}

function isCondition({ type }: RuleMetadata): boolean {
  return type === ValidationTypes.CONDITIONAL_VALIDATION;
}

function checksOf(metadata: RuleMetadata): FieldRules['checks'] {
  const { type, each, constraintCls, constraints, propertyName: property, target } = metadata;
  const validators = getMetadataStorage().getTargetValidatorConstraints(constraintCls);
  if (type !== ValidationTypes.CUSTOM_VALIDATION || each || validators.some(({ async }) => async)) {
    throw new Error(`the rule ${type} of ${property} is of a kind that is not asked for`);
  }
  const targetName = typeof target === 'string' ? target : target.name;
  return validators.map(({ instance }) => (object, value) => {
    const told: ValidationArguments = { targetName, property, object, value, constraints };
    return instance.validate(value, told) === true;
  });
}
