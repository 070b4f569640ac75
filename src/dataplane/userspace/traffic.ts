import { listenerOf, sectionName } from '../../haproxy/index.ts';
import type { HaproxyRuntime, Section, ServerState, Traffic } from '../../haproxy/index.ts';
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

/** What sections have answered, by the ids of whose they are; those that know requests only. @throws HaproxyError */
export async function answersOf(
  runtime: HaproxyRuntime,
  tenancies: Iterable<readonly [id: string, section: Section]>,
): Promise<{ id: string; traffic: Traffic; responseMilliseconds: number }[]> {
  const bySection = Map.groupBy(await runtime.traffic(), ({ section }) => section);
  return [...tenancies].flatMap(([id, section]) => {
    const all = bySection.get(sectionName(section)) ?? [];
    const traffic = all.find(({ server }) => server === undefined);
    return traffic && section.kind.protocol !== 'tcp'
      ? [{ id, traffic, responseMilliseconds: meanResponse(all.filter(({ server }) => server !== undefined)) }]
      : [];
  });
}

/** Over servers, by how much they have answered. */
function meanResponse(servers: readonly Traffic[]): number {
  const total = servers.reduce((sum, server) => sum + server.total, 0);
  return servers.reduce((sum, server) => sum + (server.responseMilliseconds * server.total) / (total || 1), 0);
}

const isAt = (one: EngineTarget, other: EngineTarget): boolean =>
  one.address === other.address && one.port === other.port;
