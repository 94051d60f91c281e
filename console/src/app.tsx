import { type ComponentType, lazy, Suspense } from 'react';
import { Route, Routes } from 'react-router';
import { Loading } from './components/loading.tsx';
import { Shell } from './components/shell.tsx';
import { PAGES } from './pages/pages.ts';
import { useSession } from './session/session.ts';
import { SignInPage } from './session/sign-in.tsx';

/** Each page is a file of its own, and loaded when it is opened. */
const ROUTES = PAGES.map(({ path, load }) => ({ path, Page: lazy(load) as ComponentType }));
const NotFound = lazy(() => import('./pages/not-found.tsx'));

export function App() {
  const { roles } = useSession();
  return (
    <Shell>
      {roles.length === 0 ? (
        <SignInPage />
      ) : (
        <Suspense fallback={<Loading what="the page" />}>
          <Routes>
            {ROUTES.map(({ path, Page }) => (
              <Route key={path} path={path} element={<Page />} />
            ))}
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      )}
    </Shell>
  );
}
