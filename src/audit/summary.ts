import type { AuditFigures } from './cache-audit.ts';
import type { Visibility } from './visibility.ts';

/** Times are those of the last minutes, in milliseconds; `null`: there were no changes. */
export interface AuditSummary {
  readonly audited: number;
  readonly stale: number;
  readonly visibilityP50Ms: number | null;
  readonly visibilityP99Ms: number | null;
}

export function summarizeAudit({ audited, stale }: AuditFigures, visibility: Visibility): AuditSummary {
  return {
    audited,
    stale: Object.values(stale).reduce((sum, count) => sum + count, 0),
    visibilityP50Ms: visibility.percentileMs(50),
    visibilityP99Ms: visibility.percentileMs(99),
  };
}
