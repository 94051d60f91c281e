import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useIsDark } from './use-is-dark.ts';

export interface Line {
  readonly label: string;
  readonly color: 1 | 2 | 3 | 4 | 5;
  readonly isDashed: boolean;
  readonly values: readonly (number | null)[];
}

export interface PlotProps {
  /** In seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  readonly range: {
    readonly atLeast: number;
    readonly atMost?: number | undefined;
    readonly base?: 2 | 10 | undefined;
  };
  /** What the picture shows, in words. */
  readonly description: string;
  /** Told of the place in `times` under the pointer, on this plot or another one; `null`: there is none. */
  readonly onHover: (place: number | null) => void;
}

const HEIGHT_PX = 170;
/** All plots of the page show the same time under the pointer. */
const SYNC = 'performance';

/** A colour of the style sheet as the page shows it now, which a picture cannot work out. */
function readColor(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = '';
  return color;
}

/** Lines over time. A picture: whatever it shows is given as text as well. */
export function Plot({ times, lines, format, range, description, onHover }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const isDark = useIsDark();
  const data = [times, ...lines.map(({ values }) => values)] as unknown as UPlot.AlignedData;
  const newest = useRef({ data, onHover });
  newest.current = { data, onHover };
  // Everything but the values: a change of it draws a new plot.
  const look = lines.map(({ label, color, isDashed }) => `${label} ${color} ${isDashed}`).join();

  // `look` and `isDark` stand for what is read of the lines and of the page.
  useEffect(() => {
    const element = host.current!;
    const color = (name: string) => readColor(element, name);
    const axis = {
      stroke: color('--text-muted'),
      grid: { stroke: color('--border'), width: 1 },
      ticks: { show: false },
    };
    let hovered: number | null = null;
    const drawn = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: SYNC }, points: { size: 6 } },
        scales: {
          y: { range: (_plot, _lowest, highest) => [0, range.atMost ?? 1.1 * Math.max(range.atLeast, highest ?? 0)] },
        },
        axes: [
          { ...axis, font: FONT, size: 28, space: 56, values: (_plot, seconds) => seconds.map(formatTime) },
          {
            ...axis,
            font: FONT,
            size: 64,
            space: 34,
            ...(range.base === 2 && { incrs: POWERS_OF_TWO }),
            values: (_plot, values) => values.map(format),
          },
        ],
        series: [
          {},
          ...lines.map(({ label, color: number, isDashed }) => ({
            label,
            stroke: color(`--chart-${number}`),
            width: 1.5,
            ...(isDashed && { dash: [5, 4] }),
            points: { show: false },
          })),
        ],
        hooks: {
          setCursor: [
            ({ cursor }) => {
              const place = cursor.left === undefined || cursor.left < 0 ? null : (cursor.idx ?? null);
              if (place === hovered) return;
              hovered = place;
              newest.current.onHover(place);
            },
          ],
        },
      },
      newest.current.data,
      element,
    );
    plot.current = drawn;
    const resize = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.current = null;
      drawn.destroy();
    };
  }, [look, isDark]);

  useEffect(() => {
    plot.current?.setData(newest.current.data);
  });

  return <div ref={host} className="plot" role="img" aria-label={description} />;
}

const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

const FONT = '11px system-ui, sans-serif';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const timeWithSeconds = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

function formatTime(seconds: number): string {
  return (seconds % 60 === 0 ? time : timeWithSeconds).format(seconds * 1000);
}

export function formatMoment(seconds: number): string {
  return timeWithSeconds.format(seconds * 1000);
}
