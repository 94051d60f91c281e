/** The oldest major version of Node that has everything the program uses. */
const OLDEST_NODE = 24;

/** Says in one line why the program cannot run on this version of Node, with the exit code; `null` if it can. */
export function explainNodeVersion(version: string): { readonly message: string; readonly exitCode: number } | null {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return null;
  const message = `Stationmaster needs Node ${OLDEST_NODE} or newer and was started with Node ${version}. \`npm start\` uses the Node that npm installed.`;
  return { message, exitCode: EX_CONFIG };
}

/** `EX_CONFIG` of sysexits.h. Not taken from start-error.ts, which loads more than an old Node may understand. */
const EX_CONFIG = 78;
