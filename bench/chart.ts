import type { Report } from './bench.ts';

const WIDTH = 760;
const LABEL_WIDTH = 250;
const FIGURE_WIDTH = 90;
const BAR_HEIGHT = 18;
const STEP = 24;
const TITLE_HEIGHT = 34;
const GAP = 14;

/** Draws one bar chart per report that has a chart, one below the other, each with its own scale. */
export function drawCharts(reports: readonly Report[]): string {
  const drawn: string[] = [];
  let top = GAP;
  for (const { title, chart } of reports) {
    if (!chart) continue;
    drawn.push(drawChart(title, chart, top));
    top += TITLE_HEIGHT + STEP * chart.bars.length + GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}"
  font-family="system-ui, sans-serif" font-size="13">
<title>Benchmark results by workload</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`;
}

function drawChart(title: string, { unit, bars }: NonNullable<Report['chart']>, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - LABEL_WIDTH - FIGURE_WIDTH;
  const rows = bars.map(({ label, value }, index) => {
    const y = top + TITLE_HEIGHT + index * STEP;
    const length = Math.max(1, (room * value) / most);
    const middle = y + BAR_HEIGHT / 2 + 4.5;
    return `<text x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${escapeXml(label)}</text>
<rect x="${LABEL_WIDTH}" y="${y}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" fill="${index === 0 ? '#0b6e4f' : '#9aa5b1'}"/>
<text x="${(LABEL_WIDTH + length + 6).toFixed(1)}" y="${middle}">${Math.round(value).toLocaleString('en')}</text>`;
  });
  return [
    `<text x="${GAP}" y="${top + 18}" font-size="15" font-weight="600">${escapeXml(title)} (${escapeXml(unit)})</text>`,
    ...rows,
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
