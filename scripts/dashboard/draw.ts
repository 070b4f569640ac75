import type { Series } from './prometheus.ts';

/** A panel of a Grafana dashboard, as far as it is drawn. */
export interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
  readonly targets: readonly { readonly expr: string; readonly legendFormat?: string }[];
}

/** A line with its name in the legend. */
export type Line = Pick<Series, 'points'> & { readonly name: string };

const colours = ['#1f6f43', '#1d5fbf', '#b3261e', '#7a3fa8', '#8a6100', '#00707a', '#a0406f', '#555f6b'];
const [width, height, left, bottom] = [540, 210, 64, 22];
const linesInLegend = 8;

/** The page with all panels where the dashboard puts them. */
export function dashboardPage(title: string, panels: readonly { panel: Panel; lines: readonly Line[] }[]): string {
  const cells = panels.map(({ panel, lines }) => {
    const { x, y, w, h } = panel.gridPos;
    const place = `grid-column:${x + 1}/span ${w};grid-row:${y + 1}/span ${h}`;
    return `<section style="${place}"><h2>${escape(panel.title)}</h2>${chart(lines, panel.fieldConfig.defaults.unit)}</section>`;
  });
  const style = `body{font:13px system-ui,sans-serif;margin:20px;background:#f4f6f8;color:#1b232c}h1{font-size:20px;margin:0 0 12px}
    main{display:grid;grid-template-columns:repeat(24,1fr);gap:10px}section{background:#fff;border:1px solid #dde2e8;border-radius:8px;padding:10px}
    h2{font-size:14px;margin:0 0 6px}ul{list-style:none;margin:4px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12px}
    i{display:inline-block;width:10px;height:3px;margin-right:5px;vertical-align:middle}svg{width:100%;display:block}`;
  return `<!doctype html><meta charset="utf-8"><title>${escape(title)}</title><style>${style}</style><h1>${escape(title)}</h1><main>${cells.join('')}</main>`;
}

function chart(lines: readonly Line[], unit: string): string {
  const points = lines.flatMap((line) => line.points).filter(([, value]) => Number.isFinite(value));
  if (points.length === 0) return '<p>nothing, as it should be</p>';
  const times = points.map(([time]) => time);
  const [from, to] = [Math.min(...times), Math.max(...times, Math.min(...times) + 1)];
  const top = niceTop(Math.max(...points.map(([, value]) => value)));
  const xOf = (time: number): number => left + ((time - from) / (to - from)) * (width - left - 8);
  const yOf = (value: number): number => height - bottom - (value / top) * (height - bottom - 10);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = yOf(share * top);
    const label = `<text x="${left - 6}" y="${y + 4}" text-anchor="end">${textOf(share * top, unit)}</text>`;
    return `<path d="M${left} ${y}H${width - 8}" stroke="#e6eaee"/>${label}`;
  });
  const ends = [from, to].map((time, index) => {
    const anchor = index === 0 ? 'start' : 'end';
    return `<text x="${xOf(time)}" y="${height - 4}" text-anchor="${anchor}">${(time - from).toFixed(0)} s</text>`;
  });
  const paths = lines.map(({ points: all }, index) => {
    const steps = all.filter(([, value]) => Number.isFinite(value));
    const path = steps.map(
      ([time, value], at) => `${at === 0 ? 'M' : 'L'}${xOf(time).toFixed(1)} ${yOf(value).toFixed(1)}`,
    );
    return `<path d="${path.join('')}" fill="none" stroke="${colourOf(index)}" stroke-width="1.6"/>`;
  });
  const legend = lines
    .slice(0, linesInLegend)
    .map(({ name }, index) => `<li><i style="background:${colourOf(index)}"></i>${escape(name)}</li>`);
  const more = lines.length > linesInLegend ? [`<li>and ${lines.length - linesInLegend} more</li>`] : [];
  return `<svg viewBox="0 0 ${width} ${height}" font-size="11" fill="#5a6673">${[...grid, ...ends, ...paths].join('')}</svg><ul>${[...legend, ...more].join('')}</ul>`;
}

function colourOf(index: number): string {
  return colours[index % colours.length] ?? '#000';
}

/** The next of 1, 2, 5 times a power of ten. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

/** Grafana's units that the dashboard uses. */
function textOf(value: number, unit: string): string {
  if (unit === 'bytes') return `${(value / 2 ** 20).toFixed(0)} MiB`;
  if (unit === 's')
    return value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`;
  const suffix = ['cps', 'ops', 'reqps'].includes(unit) ? '/s' : '';
  return `${Number(value.toPrecision(3))}${suffix}`;
}

/** A name as the legend's format says, `{{label}}` replaced. */
export function legendOf(format: string | undefined, labels: Readonly<Record<string, string>>): string {
  return (format ?? '').replaceAll(/\{\{(\w+)\}\}/g, (_whole, label: string) => labels[label] ?? '').trim();
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
