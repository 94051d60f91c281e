import { type ReactNode, useState } from 'react';
import { NavLink } from 'react-router';
import { PAGES } from '../pages/pages.ts';
import { includesRole } from '../session/roles.ts';
import { useSession } from '../session/session.ts';
import { SessionMenu } from '../session/session-menu.tsx';
import { SignInDialog } from '../session/sign-in.tsx';
import { settings } from '../settings.ts';
import { ConnectionBanner, ConnectionLight } from './connection.tsx';
import { Notice } from './notice.tsx';
import { ThemeButton } from './theme-button.tsx';

/** The frame of every page: navigation, connection, session. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const { roles, state } = useSession();
  const [isSigningIn, setSigningIn] = useState(false);
  const pages = PAGES.filter(({ label, role }) => label !== undefined && includesRole(roles, role));
  return (
    <>
      <a className="skip-link" href="#content">
        Skip to the content
      </a>
      <header className="topbar">
        <NavLink to="/" className="brand">
          <span className="brand-mark" aria-hidden="true" />
          Stationmaster
        </NavLink>
        <nav aria-label="Main" className="navigation">
          {pages.map(({ path, label }) => (
            <NavLink key={path} to={path} end={path === '/'}>
              {label}
            </NavLink>
          ))}
          {settings.graphiql && roles.length > 0 && <a href="/graphiql">GraphiQL</a>}
        </nav>
        <div className="topbar-end">
          <ConnectionLight />
          <ThemeButton />
          <SessionMenu onSignIn={() => setSigningIn(true)} />
        </div>
      </header>
      <ConnectionBanner />
      {state === 'ending' && (
        <div className="banner">
          <Notice
            tone="warning"
            actions={
              <button type="button" className="button" onClick={() => setSigningIn(true)}>
                Sign in again
              </button>
            }
          >
            Your session ends in a few minutes.
          </Notice>
        </div>
      )}
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      {(isSigningIn || state === 'ended') && (
        <SignInDialog hasEnded={state === 'ended'} onClose={() => setSigningIn(false)} />
      )}
    </>
  );
}
