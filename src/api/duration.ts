const unitSeconds: Record<string, number> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** What a duration looks like in the API: Go's text without a sign, e.g. `24h`, `1m30s`, `0s`. */
export const durationPattern = /^(0|(\d+(\.\d+)?(ns|us|ms|s|m|h))+)$/;

/** Seconds of a duration in Go's text. Throws a RangeError that quotes the text if it is none. */
export function durationSeconds(text: string): number {
  if (!durationPattern.test(text)) throw new RangeError(`"${text}" is not a duration such as 24h, 1m30s or 0s`);
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g);
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? ''] ?? 0), 0);
}
