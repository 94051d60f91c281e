import { useEffect, useState } from 'react';
import { type Session, signOut, useSession } from './session.ts';

const MINUTE_MS = 60_000;

/** Who is signed in and until when, with a way in and out. */
export function SessionMenu({ onSignIn }: { readonly onSignIn: () => void }) {
  const session = useSession();
  return (
    <div className="session">
      <span className="session-who">
        <Who session={session} />
      </span>
      {session.token === null ? (
        <button type="button" className="button" onClick={onSignIn}>
          Sign in
        </button>
      ) : (
        <button type="button" className="button" onClick={signOut}>
          Sign out
        </button>
      )}
    </div>
  );
}

function Who({ session: { claims, roles } }: { readonly session: Session }) {
  const leftMs = useTimeLeft(claims?.expiresAtMs);
  if (claims === null) return roles.length > 0 ? <>Visitor ({roles.join(', ')})</> : null;
  const until = new Date(claims.expiresAtMs).toLocaleString();
  return (
    <span title={`${claims.subject}, until ${until}`}>
      {roles.join(', ') || 'No role'}
      {leftMs !== null && <span className="session-left"> · {describe(leftMs)}</span>}
    </span>
  );
}

/** Renders again every half minute. */
function useTimeLeft(expiresAtMs: number | undefined): number | null {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS / 2);
    return () => clearInterval(timer);
  }, []);
  return expiresAtMs === undefined ? null : expiresAtMs - now;
}

function describe(leftMs: number): string {
  if (leftMs <= 0) return 'ended';
  const minutes = Math.ceil(leftMs / MINUTE_MS);
  return minutes < 120 ? `${minutes} min left` : `${Math.round(minutes / 60)} h left`;
}
