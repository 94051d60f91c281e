import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run dev` finds the API. */
const API = process.env.API_URL ?? 'http://127.0.0.1:4000';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    target: 'es2023',
    // The content security policy allows no data: URL but for images.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5000,
    emptyOutDir: true,
    rolldownOptions: {
      input: ['index.html', 'graphiql.html'],
      onLog(level, log, handle) {
        // GraphiQL has directives for the React compiler, which has compiled it already.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: { '/graphql': { target: API, ws: true }, '/export': { target: API }, '/console': { target: API } },
  },
});
