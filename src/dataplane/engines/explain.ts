import { familyOf, placeText } from '../../ip/index.ts';
import type { EngineServing, Explanation, Packet } from '../data-plane.ts';
import { explainedTarget, nothingThere } from '../explained-target.ts';
import type { Engine } from './engine.ts';

/** Puts what an engine does with a connection into an explanation that ends at a target of the engine. */
export async function explainEngine(engine: Engine, packet: Packet, said: Explanation): Promise<Explanation> {
  const target = explainedTarget(said, Object.values(engine.ranges));
  if (!target) return said;
  const first = placeText(target);
  const found = await engine.describe({ family: familyOf(target.address), protocol: packet.protocol, target });
  if (!found) {
    const step = `${engine.name} has nothing at ${first}, so the packet is dropped; the agent repairs that`;
    return nothingThere(said, 'drop', step);
  }
  const step = `${engine.name} chooses by ${found.scheduler} (at ${first}): ${found.endpoints.map(describe).join(', ')}`;
  return {
    ...said,
    steps: [...said.steps, { about: 'choice', text: step }],
    endpoints: found.endpoints.map(placeText),
    chosenBy: `${engine.name} (${found.scheduler})`,
  };
}

type Described = EngineServing['endpoints'][number];

function describe(endpoint: Described): string {
  const { weight, active, inactive } = endpoint;
  return `${placeText(endpoint)} (weight ${weight}, ${active} open, ${inactive} inactive)`;
}
