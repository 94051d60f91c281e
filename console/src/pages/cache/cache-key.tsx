/** What the API's pattern takes at most. */
const MAX_PATTERN_LENGTH = 256;
const MAX_LABEL_LENGTH = 160;

/** The parts of the key of a cached response; `null`: it is another key. */
export interface ResponseKey {
  readonly roles: string;
  /** The query on one line, or what the key has in its place. */
  readonly query: string;
  /** As JSON; `null`: the request has none. */
  readonly variables: string | null;
}

export function readResponseKey(key: string): ResponseKey | null {
  const end = key.indexOf('\n');
  if (end < 0) return null;
  const roles = key.slice(0, end);
  const text = key.slice(end + 1);
  try {
    const { query, variables } = JSON.parse(text.slice(text.indexOf('{')));
    if (typeof query !== 'string') return { roles, query: text, variables: null };
    const hasVariables = variables && Object.keys(variables).length > 0;
    return {
      roles,
      query: query.replace(/\s+/g, ' ').trim(),
      variables: hasVariables ? JSON.stringify(variables) : null,
    };
  } catch {
    return { roles, query: text, variables: null };
  }
}

/** A key on one line; of a cached response the roles, the query and the variables. */
export function labelOf(key: string): string {
  const response = readResponseKey(key);
  const label = response ? [response.roles, response.query, response.variables].filter(Boolean).join(' · ') : key;
  return label.length > MAX_LABEL_LENGTH ? `${label.slice(0, MAX_LABEL_LENGTH)}…` : label;
}

/** A pattern that selects the key, and perhaps some others: patterns hold no line ends, and are not as long as keys. */
export function patternOf(key: string): string {
  const line = key.replace(/[^\u0020-\u007e]/g, '?');
  return line.length <= MAX_PATTERN_LENGTH ? line : `${line.slice(0, MAX_PATTERN_LENGTH - 1)}*`;
}

interface KeyButtonProps {
  readonly value: string;
  readonly onOpen: (key: string) => void;
}

/** A key that opens what is known of it. */
export function KeyButton({ value, onOpen }: KeyButtonProps) {
  return (
    <button type="button" className="link-button cache-key" title={labelOf(value)} onClick={() => onOpen(value)}>
      {labelOf(value)}
    </button>
  );
}
