import { listenerRanges } from '../../haproxy/index.ts';
import { placeText } from '../../ip/index.ts';
import type { Explanation } from '../data-plane.ts';
import { explainedTarget, nothingThere } from '../explained-target.ts';
import type { Proxy } from './proxy.ts';

/** Puts what the proxy does with a connection into an explanation that ends at one of its listeners. */
export async function explainProxy(proxy: Pick<Proxy, 'describe'>, said: Explanation): Promise<Explanation> {
  const target = explainedTarget(said, Object.values(listenerRanges));
  if (!target) return said;
  const first = placeText(target);
  const found = await proxy.describe(target);
  if (!found) {
    const step = `HAProxy has nothing at ${first}, so the connection is refused; the agent repairs that`;
    return nothingThere(said, 'reject', step);
  }
  const staying = found.servers.filter(({ leaving }) => !leaving);
  const servers = staying.map((server) => `${placeText(server)} (weight ${server.weight}, ${server.open} open)`);
  // Where the table's slots and sources lead is the one listener, which nobody sees.
  const steps = said.steps.filter(({ about }) => about === 'frontend' || about === 'policy');
  const step = `HAProxy chooses (${found.kind}) at ${first}: ${servers.join(', ')}; the endpoint sees this node as its client`;
  return {
    ...said,
    steps: [...steps, { about: 'choice', text: step }],
    endpoints: staying.map(placeText),
    masquerade: true,
  };
}
