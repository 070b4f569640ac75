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

/** A field of another name than any of kube-proxy's may hold anything, and must not end the comment. */
function lineOf({ field, value, text }: Note): string {
  return `# - ${fieldName(field)}: ${inOneLine(value)}: ${text}\n`;
}

/** A field's path as people may read it in one line. */
export function fieldName(field: string): string {
  return /^[\w.-]+$/.test(field) ? field : inOneLine(field);
}

/** JSON in ASCII: some readers of YAML take other characters for ends of lines, too. */
function inOneLine(value: unknown): string {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replaceAll(/[\u007f-\uffff]/g, escaped);
}
