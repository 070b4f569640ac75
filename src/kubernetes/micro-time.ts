/** metav1.MicroTime: RFC 3339 with exactly six decimals, which is what the API server's parser insists on. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
