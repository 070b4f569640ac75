import { stringify } from 'yaml';
import type { Conversion } from './convert.ts';
import type { Note } from './draft.ts';

/** What the notes of each weight have in common, in the order in which they are shown. */
const headings = {
  lost: 'Not carried over:',
  changed: 'Carried over, and not quite the same:',
  unneeded: 'Not needed here:',
} as const;

/** The ProxyConfig as YAML, with what one should know about it as comments above it. */
export function conversionText({ config, notes }: Conversion): string {
  const blocks = Object.entries(headings).flatMap(([weight, heading]) => {
    const lines = notes.filter((note) => note.weight === weight).map(lineOf);
    return lines.length === 0 ? [] : [`# ${heading}\n${lines.join('')}`];
  });
  return [...blocks, stringify(config, { lineWidth: 0 })].join('');
}

function lineOf({ field, value, text }: Note): string {
  return `# - ${field}: ${JSON.stringify(value)}: ${text}\n`;
}
