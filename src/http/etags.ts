/** Whether `If-None-Match` names the tag (RFC 9110, section 13.1.2). Weak forms of it count as well. */
export function isNamed(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  const named = opaque(etag);
  return ifNoneMatch.split(',').some((part) => part.trim() === '*' || opaque(part.trim()) === named);
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, '');
}
