/** Rows of cells as kubectl aligns its tables; empty without rows. */
export function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  if (body.length === 0) return '';
  const rows = [head, ...body];
  const widths = head.map((_, column) => rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}
