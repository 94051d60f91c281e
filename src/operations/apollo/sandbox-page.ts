import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { Context } from '../../graphql/context.ts';

/** How long Apollo's servers may take to send the code of Sandbox. */
const PATIENCE_MS = 2000;

/** Apollo Sandbox, whose code comes from Apollo's servers. Where they do not answer, the page leads to GraphiQL, if it is served. */
export function createSandboxPage(): ApolloServerPlugin<Context> {
  const original = ApolloServerPluginLandingPageLocalDefault() as ApolloServerPlugin<Context>;
  return {
    async serverWillStart(service) {
      const listener = (await original.serverWillStart?.(service)) ?? {};
      return {
        ...listener,
        async renderLandingPage() {
          const { html } = await listener.renderLandingPage!();
          return { html: async () => addFallback(typeof html === 'string' ? html : await html()) };
        },
      };
    },
  };
}

/** Before everything that is loaded: style sheets that do not arrive would hold up a later script as well. */
function addFallback(html: string): string {
  const nonce = /'nonce-(\w+)'/.exec(html)?.[1];
  const script = `<script nonce="${nonce}">${FALLBACK}</script>`;
  return html.replace('<meta charset="utf-8" />', (found) => `${found}\n    ${script}`);
}

const FALLBACK = `{
  const goToGraphiql = async () => {
    if (window.EmbeddedSandbox) return;
    const { ok } = await fetch('/graphiql', { method: 'HEAD' });
    if (ok) location.replace('/graphiql');
  };
  setTimeout(goToGraphiql, ${PATIENCE_MS});
  addEventListener('error', ({ target }) => target instanceof HTMLScriptElement && goToGraphiql(), true);
}`;
