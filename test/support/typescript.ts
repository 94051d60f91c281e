import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Options, transformSync } from '@swc/core';

/*
 * Lets Node run the sources as they stand: a build that several test files share could change under the feet of one that is
 * just starting it. Node leaves types out by itself, which keeps every line and column where it is, but decorators are
 * beyond it.
 */

export const SWC: Options = {
  jsc: {
    target: 'es2024',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

const HAS_DECORATORS = /^\s*@\w/m;

registerHooks({
  load(url, context, nextLoad) {
    if (!url.endsWith('.ts') || url.includes('/node_modules/')) return nextLoad(url, context);
    const filename = fileURLToPath(url);
    const source = readFileSync(filename, 'utf8');
    if (!HAS_DECORATORS.test(source)) return nextLoad(url, context);
    return { format: 'module', source: transformSync(source, { ...SWC, filename }).code, shortCircuit: true };
  },
});
