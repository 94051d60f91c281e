import { explainNodeVersion } from './process/node-version.ts';

// Imports nothing else before the check: on an older Node the rest might not even load.
const refusal = explainNodeVersion(process.versions.node);
if (refusal === null) await import('./serve.ts');
else {
  process.stderr.write(`${refusal.message}\n`);
  process.exitCode = refusal.exitCode;
}
