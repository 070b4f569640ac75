import type { NodeLook } from '../node-groups.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';

/** What a look is called, beside its colour: nobody has to tell colours apart. */
export const lookNames: Readonly<Record<NodeLook, string>> = {
  failing: 'failing',
  silent: 'silent',
  uncovered: 'without ProxyConfig',
  degraded: 'in sync, worth a look',
  waiting: 'under way',
  good: 'in sync',
};

/** A coloured word. */
export function badge(look: NodeLook, word: string): Html {
  return html`<span class="badge ${look}">${word}</span>`;
}

/** Whole numbers as people read them: 5,000. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 node`, `5,000 nodes`. */
export function many(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

const steps = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** How long ago a time was; the time itself is shown on demand. As it was written if it is none. */
export function ago(time: string, now: string): Html {
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(time)) / 1000));
  const step = steps.find(([length]) => seconds >= length);
  const text = Number.isNaN(seconds)
    ? time
    : step === undefined
      ? 'now'
      : `${Math.floor(seconds / step[0])} ${step[1]} ago`;
  return html`<time datetime="${time}" title="${time}">${text}</time>`;
}
