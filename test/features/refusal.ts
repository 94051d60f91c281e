import type { ErrorCode } from '../../src/errors.ts';
import type { Answer } from '../support/test-app.ts';

/** Asserts that the answer is exactly one clear error with this code, about this field, and no data. */
export function expectRefusal({ data, errors }: Answer, code: ErrorCode, field?: string): void {
  expect(errors).toEqual([
    expect.objectContaining({
      message: expect.stringMatching(/\w+ \w+/),
      extensions: field ? { code, field } : { code },
    }),
  ]);
  expect(Object.values(data ?? {}).every((value) => value === null)).toBe(true);
}
