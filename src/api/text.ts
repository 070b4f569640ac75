/** Text for people of which parts are somebody else's: what a terminal or a log would take for an order is escaped. */

/** Controls, ends of lines, directions of writing. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `\u202e`; beyond 16 bits two of them, as in JSON. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** The text in one line that shows all that is in it; what is no whole character is U+FFFD. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, escaped).toWellFormed();
}

/** Text of at most `length` UTF-16 units; what is cut off ends in `end`, and no character is cut in two. */
export function shorten(text: string, length: number, end = '…'): string {
  if (text.length <= length) return text;
  const kept = text.slice(0, length - end.length);
  return (/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept) + end;
}
