/** Hand-made SVG: numbers in, text out. Light background, so that it reads on any page. */

export const colours = {
  ink: '#24292f',
  faint: '#8c959f',
  grid: '#e4e8ec',
  paper: '#ffffff',
  /** A palette that people with colour blindness can tell apart (Okabe and Ito). */
  series: ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9'],
} as const;

export const fontSize = 13;

type Attributes = Readonly<Record<string, string | number>>;

const escaped: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => escaped[character] ?? character);

/** An element; children are markup already, text goes through `text`. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(shorten(value))}"`);
  const content = children.join('');
  return content === '' ? `<${name}${list.join('')}/>` : `<${name}${list.join('')}>${content}</${name}>`;
}

/** Two decimals are finer than any screen. */
function shorten(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : value;
}

export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, fill: colours.ink, ...attributes }, escape(words));
}

/** A point: right of the left edge, below the upper edge. */
export type Point = readonly [x: number, y: number];

export function line([x1, y1]: Point, [x2, y2]: Point, attributes: Attributes = {}): string {
  return element('line', { x1, y1, x2, y2, stroke: colours.grid, ...attributes });
}

/** @param corner the upper left one */
export function rectangle([x, y]: Point, width: number, height: number, attributes: Attributes = {}): string {
  return element('rect', { x, y, width, height, ...attributes });
}

/** The whole picture with a title, and a description for those who cannot see it. */
export function picture(
  size: { readonly width: number; readonly height: number },
  title: string,
  description: string,
  content: readonly string[],
): string {
  const { width, height } = size;
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'font-family': 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif',
    'font-size': fontSize,
  };
  const parts = [
    `<title>${escape(title)}</title>`,
    `<desc>${escape(description)}</desc>`,
    rectangle([0, 0], width, height, { fill: colours.paper }),
    text(width / 2, 26, title, { 'text-anchor': 'middle', 'font-size': 17, 'font-weight': 600 }),
    ...content,
  ];
  return `${element('svg', attributes, '\n', parts.join('\n'), '\n')}\n`;
}
