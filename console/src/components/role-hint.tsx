import type { Role } from '../session/roles.ts';
import { useMay } from '../session/session.ts';

/** Says why the buttons for something are disabled, to those who may not do it. */
export function RoleHint({ needs, what }: { readonly needs: Role; readonly what: string }) {
  if (useMay(needs)) return null;
  return (
    <p className="role-hint">
      {what} needs the role {needs}, which you do not have.
    </p>
  );
}
