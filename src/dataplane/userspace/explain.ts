import { listenerRanges } from '../../haproxy/index.ts';
import { contains, familyOf } from '../../ip/index.ts';
import type { Explanation } from '../data-plane.ts';
import type { Proxy } from './proxy.ts';

/** Puts what the proxy does with a connection into an explanation that ends at one of its listeners. */
export async function explainProxy(proxy: Pick<Proxy, 'describe'>, said: Explanation): Promise<Explanation> {
  const [first = ''] = said.endpoints;
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(first) ?? [];
  const address = bracketed ?? plain ?? '';
  if (address === '' || !contains([listenerRanges[familyOf(address)]], address)) return said;
  const found = await proxy.describe({ address, port: Number(port) });
  if (!found) {
    const step = `HAProxy has nothing at ${first}, so the connection is refused; the agent repairs that`;
    return { ...said, action: 'reject', steps: [...said.steps, step], endpoints: [], masquerade: false };
  }
  const staying = found.servers.filter(({ leaving }) => !leaving);
  const servers = staying.map((server) => `${textOf(server)} (weight ${server.weight}, ${server.open} open)`);
  const step = `HAProxy chooses (${found.kind}) at ${first}: ${servers.join(', ')}; the endpoint sees this node as its client`;
  return { ...said, steps: [...said.steps, step], endpoints: staying.map(textOf), masquerade: false };
}

function textOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
