import { getSession } from '../session/session.ts';
import { explainApiError, type Problem, readBody } from './errors.ts';

/**
 * Downloads a file of the API. The token goes into a header, as everywhere: an address with a token would end up in logs and
 * histories.
 * @returns what went wrong, or `null`
 */
export async function download(path: string, parameters: URLSearchParams, name: string): Promise<Problem | null> {
  const { token } = getSession();
  const headers: HeadersInit = token === null ? {} : { authorization: `Bearer ${token}` };
  try {
    const response = await fetch(`${path}?${parameters}`, { headers });
    if (!response.ok) return explainApiError(readBody(await response.text()));
    const address = URL.createObjectURL(await response.blob());
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    return null;
  } catch {
    return explainApiError(undefined);
  }
}
