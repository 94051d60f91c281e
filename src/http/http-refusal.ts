import { type ErrorCode, StationmasterError } from '../errors.ts';

/** A request that HTTP itself has an answer for, whatever it asks: a wrong method, media type or size. */
export class HttpRefusal extends StationmasterError {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    statusCode: number,
    message: string,
    { code = 'BAD_USER_INPUT', headers = {} }: { code?: ErrorCode; headers?: Record<string, string> } = {},
  ) {
    super(code, message);
    this.statusCode = statusCode;
    this.headers = headers;
  }
}
