export { type AuditFigures, CacheAudit, NOTHING_AUDITED, type StaleFindings } from './cache-audit.ts';
export { type AuditSummary, summarizeAudit } from './summary.ts';
export { Visibility } from './visibility.ts';
