/**
 * Reads where an API server is, as people write it: `https://host:port`, `host:port` or `[address]:port`; the port is 443
 * if missing.
 *
 * @returns one text for one place: `https://host:port`, without a port that is 443
 * @throws Error that quotes the text
 */
export function parseServerUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url?.protocol !== 'https:' || url.hostname === '' || url.pathname !== '/' || url.search !== '') {
    throw new Error(`"${text}" is not the address of an API server, such as https://192.0.2.10:6443`);
  }
  return url.origin;
}

/** Reads several, separated by commas or white space. @throws Error that quotes the one that is none */
export function parseServerUrls(text: string): string[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  return [...new Set(words.map(parseServerUrl))];
}
