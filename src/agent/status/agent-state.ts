import type { RunningDataPlane } from '../../dataplane/index.ts';
import { describeError } from '../../runtime/index.ts';
import type { Finding } from '../../preflight/index.ts';
import type { KubeProxyState } from '../kube-proxy/index.ts';
import type { DesiredState, Sync } from '../sync/index.ts';
import type { Busiest } from './busiest.ts';
import { settingsRefused } from './status.ts';
import type { AgentState } from './status.ts';

/** What there is to report at this moment; `failure`: why the last sync failed. */
export function agentState(o: {
  state: DesiredState;
  sync: Sync;
  dataPlane: RunningDataPlane;
  failure: string | undefined;
  /** Whether a ProxyConfig governs this node. */
  governing: { readonly uncovered: boolean };
  /** The agent's HTTP servers. */
  servers: readonly { readonly failure: string | undefined }[];
  busiest: Pick<Busiest, 'current'>;
  kubeProxy: { readonly state: KubeProxyState | undefined };
  preflight: { readonly findings: readonly Finding[] | undefined };
  nodeServices: { readonly failedConntrackSettings: readonly string[] | undefined };
}): AgentState {
  const { forwarding } = o.state;
  const { services, endpoints } = forwarding?.stats ?? { services: 0, endpoints: 0 };
  return {
    ...inForce(o.sync, o.dataPlane),
    ...(o.state.config !== undefined && { desiredRevision: o.state.config.revision }),
    ...(o.failure !== undefined && { failure: o.failure }),
    ...(o.governing.uncovered && o.state.config && { goesOnWith: o.state.config.name }),
    ...aboutNode(o),
    busiest: o.busiest.current,
    unserved: o.servers.flatMap(({ failure }) => failure ?? []),
    quarantined: [...o.sync.quarantine.values()],
    fallbacks: fallbacksOf(o.dataPlane),
    ...proxiedOf(o.dataPlane),
    ...fastPathOf(o.sync, o.dataPlane),
    ...(o.dataPlane.current && { servedBy: o.dataPlane.current.servedBy() }),
    services,
    endpoints,
    elements: elementsOf(o.dataPlane),
    problems: forwarding?.problems() ?? [],
  };
}

/** What is known of the node itself. */
function aboutNode(
  o: Pick<Parameters<typeof agentState>[0], 'nodeServices' | 'kubeProxy' | 'preflight'>,
): Pick<AgentState, 'conntrack' | 'kubeProxy' | 'preflight'> {
  const { failedConntrackSettings: conntrack } = o.nodeServices;
  const { state: kubeProxy } = o.kubeProxy;
  const { findings: preflight } = o.preflight;
  return { ...(conntrack && { conntrack }), ...(kubeProxy && { kubeProxy }), ...(preflight && { preflight }) };
}

/** Whether this node's kernel has every Service as it is wanted: nobody else's rules are missed. */
export function servesEverything({ config }: DesiredState, sync: Sync, failure: string | undefined): boolean {
  if (failure !== undefined || sync.refusedSetup || sync.quarantine.size > 0) return false;
  return config !== undefined && sync.appliedRevision === config.revision;
}

/** Why the settings that are wanted of this node are not in force, for people; undefined if they are. */
export function settingsFault(sync: Sync): string | undefined {
  const { refusedSettings } = refusedOf(sync);
  return refusedSettings && settingsRefused(refusedSettings);
}

function refusedOf({ refusedSetup }: Sync): Pick<AgentState, 'refusedSettings'> {
  if (!refusedSetup) return {};
  const { config, error, rolledBack } = refusedSetup;
  return { refusedSettings: { config: config.name, error: describeError(error), rolledBack } };
}

function inForce(
  sync: Sync,
  { mode }: RunningDataPlane,
): Pick<AgentState, 'appliedRevision' | 'mode' | 'refusedSettings'> {
  const { appliedRevision } = sync;
  return {
    ...(appliedRevision !== undefined && { appliedRevision }),
    ...(mode !== undefined && { mode }),
    ...refusedOf(sync),
  };
}

/** Asked for are the settings that are in force, not those that are refused or on trial. */
function fastPathOf({ applied }: Sync, { current, mode }: RunningDataPlane): Pick<AgentState, 'fastPath'> {
  if (!current || mode === undefined || applied?.config.nftables === undefined) return {};
  return { fastPath: current.fastPath ?? { lacking: mode } };
}

function fallbacksOf({ current }: RunningDataPlane): NonNullable<AgentState['fallbacks']> {
  return [...(current?.fallbacks ?? [])].map(([id, fallback]) => ({ id, ...fallback }));
}

function proxiedOf({ current }: RunningDataPlane): Pick<AgentState, 'proxied'> {
  const ids = [...(current?.served ?? [])].filter(([, { proxied }]) => proxied).map(([id]) => id);
  const [first] = ids;
  return first === undefined ? {} : { proxied: { count: ids.length, first } };
}

function elementsOf({ current }: RunningDataPlane): number {
  let elements = 0;
  for (const count of current?.sizes.values() ?? []) elements += count;
  return elements;
}
