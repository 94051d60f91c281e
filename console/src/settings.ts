import type { Role } from './session/roles.ts';

/** What the server tells the console about itself, in the document. */
export interface Settings {
  /** The role of requests without a token; `null`: they have none. */
  readonly anonymousRole: Role | null;
  /** The roles for which the server makes tokens here: none but in development. */
  readonly developmentRoles: readonly Role[];
  /** Whether GraphiQL is served. */
  readonly graphiql: boolean;
}

/** Those of Vite's server, which leaves the document as it is. */
const OF_VITE: Settings = { anonymousRole: 'VIEWER', developmentRoles: [], graphiql: true };

export const settings = readSettings();

function readSettings(): Settings {
  const content = document.querySelector<HTMLMetaElement>('meta[name=stationmaster]')?.content;
  return content ? (JSON.parse(content) as Settings) : OF_VITE;
}
