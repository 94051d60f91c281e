import { type FormEvent, useState } from 'react';
import { readBody } from '../api/errors.ts';
import { Dialog } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { Notice } from '../components/notice.tsx';
import { usePageTitle } from '../components/page-title.ts';
import { settings } from '../settings.ts';
import type { Role } from './roles.ts';
import { signIn, signOut, useSession } from './session.ts';

/** Shown in the place of every page to those who may read nothing. */
export function SignInPage() {
  usePageTitle('Sign in');
  return (
    <section className="page page-narrow">
      <h1>Sign in</h1>
      <SignInForm onDone={() => {}} />
    </section>
  );
}

/** Shown above the page, which stays as it is. @param hasEnded whether it is the end of a session that asks for it */
export function SignInDialog({ hasEnded, onClose }: { readonly hasEnded: boolean; readonly onClose: () => void }) {
  const { refusal } = useSession();
  const close = () => {
    if (hasEnded) signOut();
    onClose();
  };
  return (
    <Dialog title={hasEnded ? 'Your session has ended' : 'Sign in'} onClose={close}>
      {refusal && <Notice tone="error">The server does not accept the token: {refusal}</Notice>}
      {hasEnded && <p>Sign in again to go on. The page stays as it is.</p>}
      <SignInForm onDone={onClose} />
    </Dialog>
  );
}

function SignInForm({ onDone }: { readonly onDone: () => void }) {
  const [error, setError] = useState<string | null>(null);
  const use = (token: string) => {
    const refusal = signIn(token);
    setError(refusal);
    if (refusal === null) onDone();
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    use(String(new FormData(event.currentTarget).get('token') ?? ''));
  };
  const asDeveloper = async (role: Role) => {
    try {
      use(await askForToken(role));
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return (
    <form className="form" onSubmit={submit}>
      <Field label="Token" error={error} hint="It is kept in this tab only, until you sign out or close it.">
        {(control) => (
          <textarea
            {...control}
            name="token"
            rows={4}
            required
            spellCheck={false}
            autoComplete="off"
            className="token"
          />
        )}
      </Field>
      <div className="form-actions">
        <button type="submit" className="button button-primary">
          Sign in
        </button>
      </div>
      {settings.developmentRoles.length > 0 && (
        <fieldset className="role-buttons">
          <legend>Or, in development, as</legend>
          {settings.developmentRoles.map((role) => (
            <button key={role} type="button" className="button" onClick={() => asDeveloper(role)}>
              {role}
            </button>
          ))}
        </fieldset>
      )}
    </form>
  );
}

/** A token for a role, which a server in development makes. @throws {Error} with the server's reason */
async function askForToken(role: Role): Promise<string> {
  const response = await fetch('/console/development-token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ role }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(readBody(text)?.message ?? 'The server makes no token here.');
  return JSON.parse(text).token;
}
