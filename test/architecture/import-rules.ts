import { matchesGlob, posix } from 'node:path';
import { parseSync } from '@swc/core';

/**
 * What files matching `from` may import. Paths are globs below `src/`; `SLICE` stands for the importing file's own
 * feature. A file may import what any of the rules matching it allow, and nothing else.
 */
export interface ImportRule {
  readonly from: string;
  readonly may?: readonly string[];
  /** Files that may be imported as types only: `import type`, which leaves nothing behind at run time. */
  readonly mayAsTypes?: readonly string[];
  /** Packages and `node:` modules, as globs; any at all where no matching rule lists some. */
  readonly packages?: readonly string[];
}

/** A package kept to one place: imported nowhere but by files matching `onlyFrom`. */
export interface PackageRule {
  readonly package: string;
  readonly onlyFrom: string;
}

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `pg`; null where it is computed. */
  readonly specifier: string | null;
  readonly isTypeOnly: boolean;
}

/**
 * One sentence for each import of `file` (a path below `src/`) that no rule allows.
 */
export function findViolations(
  file: string,
  source: string,
  rules: readonly ImportRule[],
  packageRules: readonly PackageRule[] = [],
): string[] {
  const matching = rules.filter((rule) => matchesGlob(file, rule.from));
  if (matching.length === 0) return [`src/${file} is in no folder that the import rules know`];
  return findImports(source).flatMap((found) => {
    if (found.specifier === null) return [`src/${file} imports a computed path, which no rule can check`];
    const complaint = found.specifier.startsWith('.')
      ? complainAboutFile(file, found.specifier, found.isTypeOnly, matching)
      : complainAboutPackage(file, found.specifier, matching, packageRules);
    return complaint === null ? [] : [complaint];
  });
}

function complainAboutFile(
  file: string,
  specifier: string,
  isTypeOnly: boolean,
  rules: readonly ImportRule[],
): string | null {
  const target = posix.join(posix.dirname(file), specifier);
  const slice = /^features\/([^/]+)\//.exec(file)?.[1] ?? 'SLICE';
  const allowed = (globs: readonly string[] = []) => globs.map((glob) => glob.replace('SLICE', slice));
  const may = rules.flatMap((rule) => allowed(rule.may));
  const mayAsTypes = rules.flatMap((rule) => allowed(rule.mayAsTypes));

  if (may.some((glob) => matchesGlob(target, glob))) return null;
  if (!mayAsTypes.some((glob) => matchesGlob(target, glob))) {
    return `src/${file} imports src/${target}, but may import only ${listOf([...may, ...mayAsTypes])}`;
  }
  return isTypeOnly ? null : `src/${file} imports src/${target}, which it may import only as a type`;
}

function complainAboutPackage(
  file: string,
  specifier: string,
  rules: readonly ImportRule[],
  packageRules: readonly PackageRule[],
): string | null {
  const listed = rules.filter((rule) => rule.packages !== undefined).flatMap((rule) => rule.packages!);
  const isListed = listed.some((glob) => matchesGlob(specifier, glob));
  if (rules.some((rule) => rule.packages !== undefined) && !isListed) {
    return `src/${file} imports ${specifier}, but may import no packages but ${listOf(listed)}`;
  }
  const keeper = packageRules.find((rule) => rule.package === specifier && !matchesGlob(file, rule.onlyFrom));
  return keeper === undefined ? null : `src/${file} imports ${specifier}, which only ${keeper.onlyFrom} may import`;
}

function listOf(globs: readonly string[]): string {
  return globs.length === 0 ? 'nothing' : globs.join(', ');
}

/** Every static import, re-export, dynamic import and `import('…')` type of a TypeScript source, in its order. */
export function findImports(source: string): Import[] {
  const found: Import[] = [];
  visit(parseSync(source, { syntax: 'typescript', decorators: true, target: 'es2024' }), (node) => {
    const reading = readImport(node);
    if (reading !== null) found.push(reading);
  });
  return found;
}

// The parts of the syntax tree that are looked at. Of its many kinds of nodes only these import anything.
interface Node {
  readonly type: string;
  readonly source?: { readonly value: string } | null;
  readonly typeOnly?: boolean;
  readonly specifiers?: readonly { readonly isTypeOnly?: boolean }[];
  readonly callee?: { readonly type: string };
  readonly arguments?: readonly { readonly expression: { readonly type: string; readonly value?: string } }[];
  readonly argument?: { readonly value: string };
}

function readImport(node: Node): Import | null {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      // `export { local }` has no source.
      return node.source ? { specifier: node.source.value, isTypeOnly: isTypeOnly(node) } : null;
    case 'CallExpression':
      return node.callee?.type === 'Import' ? { specifier: literalArgument(node), isTypeOnly: false } : null;
    case 'TsImportType':
      return { specifier: node.argument!.value, isTypeOnly: true };
    default:
      return null;
  }
}

function isTypeOnly({ typeOnly, specifiers = [] }: Node): boolean {
  return typeOnly === true || (specifiers.length > 0 && specifiers.every((specifier) => specifier.isTypeOnly === true));
}

function literalArgument(node: Node): string | null {
  const argument = node.arguments?.[0]?.expression;
  return argument?.type === 'StringLiteral' ? argument.value! : null;
}

function visit(value: unknown, onNode: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value && typeof value.type === 'string') onNode(value as Node);
  for (const child of Object.values(value)) visit(child, onNode);
}
