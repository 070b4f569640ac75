/** Where an API server is: host (a name, or an address; IPv6 without brackets) and port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `https://host:port`, `host:port` or `[address]:port`; the port is 443 if missing.
 *
 * @throws Error that quotes the text
 */
export function parseHostPort(text: string): HostPort {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url?.protocol !== 'https:' || url.hostname === '' || url.pathname !== '/') {
    throw new Error(`"${text}" is not the address of an API server, such as https://192.0.2.10:6443`);
  }
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? 443 : Number(url.port) };
}
