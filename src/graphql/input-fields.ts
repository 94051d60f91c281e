import { Field } from 'type-graphql';
import { checkText, MAX_TEXT_LENGTH } from './input-checks.ts';

/**
 * Checks the value of one input field and returns the value to store.
 * @throws {StationmasterError} BAD_USER_INPUT with the field at fault
 */
export type InputCheck<Value = string> = (value: Value, field: string) => unknown;

/** The checks of each input class, by the names of the fields, in the order of their declaration. */
const CHECKS = new Map<unknown, Map<string, InputCheck<never>>>();

/** Declares the check of an input field. `null` and missing values are not checked. */
export function Checked<Value = string>(check: InputCheck<Value>): PropertyDecorator {
  return (prototype, name) => {
    const checks = CHECKS.get(prototype.constructor) ?? new Map<string, InputCheck<never>>();
    CHECKS.set(prototype.constructor, checks.set(name as string, check as InputCheck<never>));
  };
}

export interface TextFieldOptions {
  readonly description: string;
  readonly nullable?: boolean;
  /** The maximum length in characters, after surrounding white space has been removed. Default 200. */
  readonly max?: number;
}

/** Declares a text field of an input class: not empty, not longer than `max`, without control characters. */
export function TextField({
  description,
  nullable = false,
  max = MAX_TEXT_LENGTH,
}: TextFieldOptions): PropertyDecorator {
  return (prototype, name) => {
    Field(() => String, { description, nullable })(prototype, name as string);
    Checked((value, field) => checkText(value, field, max))(prototype, name);
  };
}

/**
 * Returns the input with each value replaced by the result of its check.
 * @throws {StationmasterError} BAD_USER_INPUT with the first field at fault
 */
export function checkInput<Input extends object>(input: Input): Input {
  const checked = { ...input } as Record<string, unknown>;
  for (const [name, check] of CHECKS.get(input.constructor) ?? []) {
    const value = checked[name];
    if (value !== undefined && value !== null) checked[name] = check(value as never, name);
  }
  return checked as Input;
}
