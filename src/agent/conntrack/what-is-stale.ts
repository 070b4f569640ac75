import type { Family, Frontend, Protocol } from '../../services/index.ts';
import { AdmittedSources } from './admitted-sources.ts';

/** One direction of a connection, as the kernel tracks it. Addresses are canonical text. */
export interface ConntrackTuple {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** What is needed of an entry of the kernel's connection tracking; src/nftables has the whole. */
export interface TrackedConnection {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly original: ConntrackTuple;
  readonly reply: ConntrackTuple;
  /** Whether a packet of the other direction was seen. */
  readonly seenReply: boolean;
}

/** What is needed of a Service port to judge the connections to it. */
export interface TrackedServicePort {
  readonly protocol: Protocol;
  readonly family: Family;
  readonly frontends: readonly Frontend[];
  /**
   * Every endpoint, on any node, that is ready or serving: where a connection may legitimately end. Traffic policies
   * and topology do not narrow it, and terminating endpoints that still serve are in it.
   */
  readonly servingEndpoints: readonly { readonly address: string; readonly port: number }[];
}

/** A frontend, so that it can be compared and looked up; node ports stand for all node-port addresses of a family. */
export function frontendId(protocol: Protocol, family: Family, frontend: { address?: string; port: number }): string {
  return `${protocol} ${frontend.address ?? `node-port-${family}`} ${frontend.port}`;
}

/** The keys of all frontends of a Service port. */
export function frontendIds(port: TrackedServicePort): string[] {
  return port.frontends.map((frontend) => frontendId(port.protocol, port.family, frontend));
}

/** Who may connect to a frontend; undefined if everybody may. */
export function sourceRangesOf(frontend: Frontend): readonly string[] | undefined {
  return frontend.kind === 'LoadBalancerIP' ? frontend.sourceRanges : undefined;
}

/** What the decision is made from. */
export interface ViewOptions {
  /** Service ports whose connections are to be judged, as the kernel has them now. */
  readonly ports: Iterable<TrackedServicePort>;
  /** Keys of frontends that nobody has any more; those that one of `ports` has are ignored. */
  readonly gone: Iterable<string>;
  /** All Service ports: an address of this node may be somebody's frontend with a port that is a node port elsewhere. */
  readonly all: Iterable<TrackedServicePort>;
  /** The addresses of this node at which node ports are served. */
  readonly nodePortAddresses: ReadonlySet<string>;
}

const gone = Symbol('gone');

/** A frontend and whose it is. */
interface Target {
  readonly port: TrackedServicePort;
  readonly sourceRanges: readonly string[] | undefined;
}

/** Tells stale connections from good ones. */
export class StalenessJudge {
  readonly #targets = new Map<string, Target | typeof gone>();
  readonly #serving = new Map<TrackedServicePort, ReadonlySet<string>>();
  readonly #admitted = new Map<readonly string[], AdmittedSources>();
  readonly #nodePortAddresses: ReadonlySet<string>;
  readonly #all: Iterable<TrackedServicePort>;
  #claims: ReadonlyMap<string, Target> | undefined;

  constructor(options: ViewOptions) {
    this.#nodePortAddresses = options.nodePortAddresses;
    this.#all = options.all;
    for (const key of options.gone) this.#targets.set(key, gone);
    for (const port of options.ports) {
      for (const frontend of port.frontends) this.#targets.set(...targetOf(port, frontend));
    }
  }

  /**
   * Whether a connection leads nowhere and holds up the packets of its client:
   * - its destination is a frontend of ours, and what answers it is no serving endpoint of that Service port (it is
   *   gone, or there was none when the connection began, so that its packets went to the frontend's own address);
   * - its destination was a frontend, and it was translated;
   * - its client is shut out: it began before the source ranges left the client out. For a protocol without an end,
   *   such as UDP, that would be for as long as the client sends.
   *
   * TCP is judged only before the first answer: what has been answered ends by itself or goes on gracefully, as it does
   * behind any firewall that looks at new connections only.
   */
  isStale(entry: TrackedConnection): boolean {
    if (entry.protocol === 'tcp' && entry.seenReply) return false;
    const target = this.#target(entry);
    if (target === undefined) return false;
    if (target === gone) return isTranslated(entry);
    const served = this.#servingEndpoints(target.port).has(endpointKey(entry.reply.source, entry.reply.sourcePort));
    return !served || !this.#admits(target, entry.original.source);
  }

  #admits({ sourceRanges }: Target, client: string): boolean {
    if (sourceRanges === undefined) return true;
    let admitted = this.#admitted.get(sourceRanges);
    if (admitted === undefined) {
      admitted = new AdmittedSources(sourceRanges);
      this.#admitted.set(sourceRanges, admitted);
    }
    return admitted.has(client);
  }

  #target({ protocol, family, original }: TrackedConnection): Target | typeof gone | undefined {
    const { destination: address, destinationPort: port } = original;
    const key = frontendId(protocol, family, { address, port });
    const exact = this.#targets.get(key);
    if (exact !== undefined || !this.#nodePortAddresses.has(address)) return exact;
    const nodePort = this.#targets.get(frontendId(protocol, family, { port }));
    return nodePort && (this.#claimsOnNodeAddresses().get(key) ?? nodePort);
  }

  #servingEndpoints(port: TrackedServicePort): ReadonlySet<string> {
    let serving = this.#serving.get(port);
    if (serving === undefined) {
      serving = new Set(port.servingEndpoints.map((endpoint) => endpointKey(endpoint.address, endpoint.port)));
      this.#serving.set(port, serving);
    }
    return serving;
  }

  /**
   * A load-balancer IP may be a node's own address: there it wins over the node port of the same number. Looked for when a
   * connection to a node port is judged, as it takes a look at every Service port.
   */
  #claimsOnNodeAddresses(): ReadonlyMap<string, Target> {
    return (this.#claims ??= new Map(
      [...this.#all].flatMap((port) =>
        port.frontends
          .filter((frontend) => frontend.kind !== 'NodePort' && this.#nodePortAddresses.has(frontend.address))
          .map((frontend) => targetOf(port, frontend)),
      ),
    ));
  }
}

function targetOf(port: TrackedServicePort, frontend: Frontend): [key: string, target: Target] {
  return [frontendId(port.protocol, port.family, frontend), { port, sourceRanges: sourceRangesOf(frontend) }];
}

function endpointKey(address: string, port: number): string {
  return `${address} ${port}`;
}

/** Whether the kernel sends the packets elsewhere than they were addressed to. */
function isTranslated({ original, reply }: TrackedConnection): boolean {
  return original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
}
