import { explainNodeVersion } from './process/node-version.ts';

// Imports nothing else before the check: on an older Node the rest might not even load.
const refusal = explainNodeVersion(process.versions.node);
if (refusal === null) {
  const { enableCompileCache, setSourceMapsSupport } = await import('node:module');
  const { disablePretenuring } = await import('./process/garbage-collection.ts');
  disablePretenuring();
  // Not by Node's option, with which the logger would read all maps at the start.
  setSourceMapsSupport(true);
  // So that the next start need not compile again. Where the folder cannot be written, every start compiles.
  enableCompileCache(`${import.meta.dirname}/.compiled`);
  await import('./serve.ts');
} else {
  process.stderr.write(`${refusal.message}\n`);
  process.exitCode = refusal.exitCode;
}
