import type { ErrorCode } from '../../src/errors.ts';
import type { Answer } from '../support/test-app.ts';

/** Asserts that the answer has no data and exactly one error, with this code and this field. */
export function expectRefusal({ data, errors }: Answer, code: ErrorCode, field?: string): void {
  expect(errors).toEqual([
    expect.objectContaining({
      message: expect.stringMatching(/\w+ \w+/),
      extensions: field ? { code, field } : { code },
    }),
  ]);
  expect(Object.values(data ?? {}).every((value) => value === null)).toBe(true);
}
