import type { EngineTargetState } from '../data-plane.ts';
import type { NamedTarget } from '../nftables/index.ts';
import { nameText } from './engine.ts';
import type { Engine } from './engine.ts';

/** What is at an engine's targets, and at those where the table leads and nothing is. */
export async function engineTargets(engine: Engine, named: readonly NamedTarget[]): Promise<EngineTargetState[]> {
  const leading = Map.groupBy(named, nameText);
  const states: EngineTargetState[] = [];
  for (const server of await engine.describeAll()) {
    const text = nameText(server);
    states.push({ ...stateOf(engine, server, leading.get(text)), serving: server.serving });
    leading.delete(text);
  }
  for (const frontends of leading.values()) {
    const [first] = frontends;
    if (first) states.push(stateOf(engine, first, frontends));
  }
  return states;
}

function stateOf(
  { name }: Engine,
  { protocol, target }: Pick<EngineTargetState, 'protocol' | 'target'>,
  named: readonly NamedTarget[] = [],
): EngineTargetState {
  const [first] = named;
  return {
    ...{ engine: name, protocol, target },
    ...(first && { scope: first.scope }),
    frontends: named.map(({ family, address, port }) => ({
      ...{ family, protocol, port },
      ...(address !== undefined && { address }),
    })),
  };
}
