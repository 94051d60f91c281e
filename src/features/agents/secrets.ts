import { hash, randomBytes } from 'node:crypto';

/** What enrollment tokens begin with, so that they are told from keys, and found where they leaked. */
export const ENROLLMENT_TOKEN_PREFIX = 'sme_';

/** 32 random bytes in base64url behind a prefix. Only its hash is stored. */
export function createSecret(prefix: string): string {
  return `${prefix}${randomBytes(32).toString('base64url')}`;
}

/** Whether a text can be a secret with this prefix. */
export function isSecret(text: string, prefix: string): boolean {
  return text.length === prefix.length + SECRET_LENGTH && text.startsWith(prefix);
}

const SECRET_LENGTH = 43;

/** A secret of 256 random bits needs no salt and no slow hash: it cannot be guessed. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}
