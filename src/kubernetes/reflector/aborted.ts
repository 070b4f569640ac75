/** Whether a signal has aborted. A function because the compiler believes that one once found untroubled stays so. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
