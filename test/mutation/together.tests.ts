import { globSync } from 'node:fs';

/**
 * Runs many test files as one, because loading the modules for each of them takes longer than running their tests.
 *
 * By default all tests of the mutated folders run, except those that would take seconds for each mutant: random
 * interleavings, and what starts an application or a database. The test of the README runs in a process of its own, which
 * does not see mutants.
 */
const pattern =
  process.env.MUTATION_TESTS ??
  'test/{cache,changes,auth}/**/!(interleavings|readme|echo-path|lineage|open-feed|pglite-source).test.ts';

const files = globSync(pattern).sort();
if (files.length === 0) throw new Error(`No test file matches ${pattern}.`);
for (const file of files) await import(`../../${file}`);
