import { contains, familyOf, placeText } from '../../ip/index.ts';
import type { EngineServing, Explanation, Packet } from '../data-plane.ts';
import type { Engine } from './engine.ts';

/** Puts what an engine does with a connection into an explanation that ends at a target of the engine. */
export async function explainEngine(engine: Engine, packet: Packet, said: Explanation): Promise<Explanation> {
  const [first = ''] = said.endpoints;
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(first) ?? [];
  const address = bracketed ?? plain ?? '';
  if (address === '' || !contains([engine.ranges[familyOf(address)]], address)) return said;
  const target = { address, port: Number(port) };
  const found = await engine.describe({ family: familyOf(address), protocol: packet.protocol, target });
  if (!found) {
    const step = `${engine.name} has nothing at ${first}, so the packet is dropped; the agent repairs that`;
    return { ...said, action: 'drop', steps: [...said.steps, step], endpoints: [], masquerade: false };
  }
  const step = `${engine.name} chooses by ${found.scheduler} (at ${first}): ${found.endpoints.map(describe).join(', ')}`;
  return {
    ...said,
    steps: [...said.steps, step],
    endpoints: found.endpoints.map(placeText),
    chosenBy: `${engine.name} (${found.scheduler})`,
  };
}

type Described = EngineServing['endpoints'][number];

function describe(endpoint: Described): string {
  const { weight, active, inactive } = endpoint;
  return `${placeText(endpoint)} (weight ${weight}, ${active} open, ${inactive} inactive)`;
}
