import type { Report } from './bench.ts';

const WIDTH = 800;
const LABEL_WIDTH = 240;
const FIGURE_WIDTH = 300;
const BAR_HEIGHT = 18;
const STEP = 26;
const TOP = 62;
const GAP = 14;

/** One line of the chart: a workload in which peers took part. */
interface Line {
  readonly title: string;
  readonly peer: string;
  /** Our rate as a multiple of that peer's. */
  readonly ratio: number;
}

/** Draws, for each workload, how this server does against the best of its peers: a bar to the right of the line is faster. */
export function drawChart(reports: readonly Report[]): string {
  const lines = reports.flatMap(lineOf);
  const height = TOP + STEP * lines.length + GAP;
  const [least, most] = [
    Math.min(0.5, ...lines.map(({ ratio }) => ratio)),
    Math.max(2, ...lines.map(({ ratio }) => ratio)),
  ];
  const room = WIDTH - LABEL_WIDTH - FIGURE_WIDTH;
  // Twice and half as fast are equally far from the line.
  const place = (ratio: number) => LABEL_WIDTH + (room * Math.log(ratio / least)) / Math.log(most / least);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"
  font-family="system-ui, sans-serif" font-size="13">
<title>Stationmaster against the best of its peers in each workload</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${GAP}" y="24" font-size="15" font-weight="600">Against the best peer in each workload</text>
<text x="${place(1).toFixed(1)}" y="48" text-anchor="middle" fill="#52606d">equal</text>
${lines.map((line, index) => drawLine(line, TOP + STEP * index, place)).join('\n')}
<line x1="${place(1).toFixed(1)}" x2="${place(1).toFixed(1)}" y1="${TOP - 8}" y2="${height - GAP}" stroke="#52606d"/>
</svg>
`;
}

/** The first bar is ours. */
function lineOf({ title, chart }: Report): Line[] {
  const [own, ...others] = chart?.bars ?? [];
  const [best] = others.filter(({ isPeer }) => isPeer).sort((one, other) => other.value - one.value);
  return own && best ? [{ title, peer: best.label, ratio: own.value / best.value }] : [];
}

function drawLine({ title, peer, ratio }: Line, y: number, place: (ratio: number) => number): string {
  const middle = y + BAR_HEIGHT / 2 + 4.5;
  const [from, to] = [Math.min(ratio, 1), Math.max(ratio, 1)].map(place) as [number, number];
  const figure = `${ratio.toFixed(ratio < 10 ? 2 : 1)} × ${peer}`;
  return `<text x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${escapeXml(title)}</text>
<rect x="${from.toFixed(1)}" y="${y}" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR_HEIGHT}" fill="${ratio < 1 ? '#b44d12' : '#0b6e4f'}"/>
<text x="${(to + 6).toFixed(1)}" y="${middle}">${escapeXml(figure)}</text>`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
