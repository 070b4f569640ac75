let survives = false;

/**
 * From now on, a line that cannot be written to the standard error (a full disk, a reader that has gone away) is lost
 * and nothing else: without a listener, Node.js ends a process for it. The stream itself tries again with the next
 * line, so that the log goes on when the disk has room again.
 */
export function surviveStandardError(): void {
  if (survives) return;
  survives = true;
  // There is no other place to say it.
  process.stderr.on('error', () => undefined);
}
