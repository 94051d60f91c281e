import { readdirSync } from 'node:fs';

/** The number of files that lie directly in each folder of `src`. */
function filesPerFolder(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of readdirSync('src', { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) counts.set(entry.parentPath, (counts.get(entry.parentPath) ?? 0) + 1);
  }
  return counts;
}

test('no folder of src has more than 18 files', () => {
  expect([...filesPerFolder()].filter(([, count]) => count > 18)).toEqual([]);
});
