const colourful = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;

function paint(code: number, text: string): string {
  return colourful ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export const bold = (text: string): string => paint(1, text);
export const dim = (text: string): string => paint(2, text);
export const green = (text: string): string => paint(32, text);
export const red = (text: string): string => paint(31, text);
export const yellow = (text: string): string => paint(33, text);

/** Prints a line. */
export function say(line = ''): void {
  console.log(line);
}

/** Prints text indented, as something another program said. */
export function quote(text: string): void {
  for (const line of text.trimEnd().split('\n')) say(`    ${line}`);
}

/** A bar of at most `width` characters, its length `share` (0 to 1) of that. */
export function bar(share: number, width = 40): string {
  return '█'.repeat(Math.round(Math.min(1, Math.max(0, share)) * width));
}

/** Rows as aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
