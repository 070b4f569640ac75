import { listenerOf, sectionName } from '../../haproxy/index.ts';
import type { HaproxyRuntime, ServerState, Traffic } from '../../haproxy/index.ts';
import type { EngineTarget } from '../data-plane.ts';

/** What is at a target, and what it has taken; undefined if nothing is. @throws HaproxyError */
export async function describeTarget(
  runtime: HaproxyRuntime,
  target: EngineTarget,
): Promise<{ kind: string; servers: readonly (Traffic & ServerState)[] } | undefined> {
  const sections = await runtime.sections();
  const state = [...sections.values()].find((each) => isAt(listenerOf(each), target));
  if (!state) return undefined;
  const traffic = (await runtime.traffic()).filter(({ section }) => section === sectionName(state));
  const servers = [...state.servers].flatMap(([name, server]) => {
    const taken = traffic.find((each) => each.server === name);
    return taken ? [{ ...taken, ...server }] : [];
  });
  const { protocol, balance } = state.kind;
  return { kind: `${protocol}, ${balance}`, servers };
}

const isAt = (one: EngineTarget, other: EngineTarget): boolean =>
  one.address === other.address && one.port === other.port;
