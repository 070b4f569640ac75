import type { ElementLimits } from '../budget.ts';
import { FakeLinks } from './fake-links.ts';
import { takeInventory } from '../inventory.ts';
import { parseKernelName, verdictWithoutGeneration } from '../generation.ts';
import { templateNameOf } from '../sets.ts';
import { NftablesDataPlane } from '../data-plane.ts';
import type { DesiredPort, NodeSettings } from '../../data-plane.ts';
import { FakeNftables } from '../../../nftables/testing/index.ts';
import type { NftablesSocket, SetDefinition } from '../../../nftables/index.ts';
import { createLogger } from '../../../runtime/index.ts';
import type { ServicePort } from '../../../services/index.ts';

/** The name of our table. */
export const table = 'nftproxy';

/** A node without pods of its own, NodePorts or ServiceCIDRs. */
export const plainNode: NodeSettings = {
  detectors: {},
  masqueradeAll: false,
  nodePortAddresses: [],
  localSources: [],
  serviceCIDRs: [],
};

const unlimited: ElementLimits = { perPort: Infinity, inAll: Infinity };

/** A node whose nf_tables is a fake, with a data plane on it and room for other programs. */
export class NodeRig {
  readonly kernel: FakeNftables;
  readonly logs: string[] = [];
  readonly links = new FakeLinks();
  /** Why idle connections cannot be kept on a fast path; undefined: they are. */
  forgetsIdle: string | undefined;
  /** How often the node was told to keep them. */
  keptIdle = 0;
  /** Reads, and writes as somebody else would. */
  readonly foreigner: NftablesSocket;
  readonly #limits: ElementLimits;
  dataPlane: NftablesDataPlane;

  /** @param features of the kernel; all unless told */
  constructor(features: ConstructorParameters<typeof FakeNftables>[0] = {}, limits: ElementLimits = unlimited) {
    this.#limits = limits;
    this.kernel = new FakeNftables(features);
    this.foreigner = this.kernel.open();
    this.dataPlane = this.openAnother();
  }

  /** The agent ends, and another one is there that knows nothing yet. */
  restart(): void {
    this.dataPlane.close();
    this.dataPlane = this.openAnother();
  }

  /** A second agent on the same node. */
  openAnother(): NftablesDataPlane {
    const log = createLogger({ format: 'text', level: 'debug', write: (line) => this.logs.push(line) });
    const drained = (): Promise<void> => Promise.resolve();
    return new NftablesDataPlane({
      writer: this.kernel.open(),
      reader: this.kernel.open(),
      log,
      drained,
      limits: this.#limits,
      fastPath: {
        openLinks: () => this.links.open(),
        keepIdle: () => {
          this.keptIdle++;
          return this.forgetsIdle;
        },
        mayKeepIdle: () => this.forgetsIdle,
      },
    });
  }

  /** Our sets in the kernel, by our names; those of single Service ports without their digest (`live4`). */
  async sets(): Promise<Map<string, SetDefinition>> {
    const found = new Map<string, SetDefinition>();
    for (const { name: kernelName, definition } of await this.foreigner.sets(table)) {
      const name = templateNameOf(parseKernelName(kernelName)?.name ?? '');
      if (found.has(name)) throw new Error(`set ${name} is there twice:\n${String(this.kernel)}`);
      if (definition) found.set(name, definition);
    }
    return found;
  }

  /** The kernel's name of the only set with this name of ours. */
  async kernelName(set: string): Promise<string> {
    const definition = (await this.sets()).get(set);
    if (!definition) throw new Error(`no set ${set}:\n${String(this.kernel)}`);
    return definition.name;
  }

  /** Each element that is added or deleted from now on is refused if `judge` names a code; by our names of sets. */
  refuse(judge: Parameters<FakeNftables['refuse']>[0]): void {
    this.kernel.refuse((element, change) =>
      judge({ ...element, set: templateNameOf(parseKernelName(element.set)?.name ?? '') }, change),
    );
  }

  /** A client is remembered: by the only Service port of IPv4 with session affinity. */
  async learn(client: string, endpoint: string): Promise<void> {
    const set = await this.kernelName('affinity4');
    this.kernel.learn(table, { set, key: client, data: endpoint, timeoutSeconds: 600 });
  }

  /** `key` or `key : data` of the elements of one of our sets, sorted. */
  async contents(set: string): Promise<string[]> {
    const definition = (await this.sets()).get(set);
    if (!definition) throw new Error(`no set ${set}:\n${String(this.kernel)}`);
    return this.#contentsOf(definition);
  }

  async #contentsOf(definition: SetDefinition): Promise<string[]> {
    const elements = await this.foreigner.elements(table, definition);
    const text = (data: string): string => (definition.data === 'verdict' ? verdictWithoutGeneration(data) : data);
    return elements.map(({ key, data }) => (data === undefined ? key : `${key} : ${text(data)}`)).sort();
  }

  /** All sets that are not empty, but for remembered clients: by the names they have in any generation. */
  async everything(): Promise<Record<string, string[]>> {
    const all: Record<string, string[]> = {};
    for (const { name, definition } of await this.foreigner.sets(table)) {
      const contents = !definition || definition.dynamic === true ? [] : await this.#contentsOf(definition);
      if (contents.length > 0) all[parseKernelName(name)?.name ?? name] = contents;
    }
    return all;
  }

  /** Our chains in the kernel: by our names, base chains as they are. */
  async chains(): Promise<string[]> {
    return (await this.foreigner.chains(table)).map(({ name }) => parseKernelName(name)?.name ?? name);
  }

  /** Names of generations that have anything in the kernel beside what outlives them. */
  async generations(): Promise<number[]> {
    const { chains } = await takeInventory({ socket: this.foreigner, table });
    const numbers = new Set(chains.flatMap(({ name }) => parseKernelName(name)?.generation ?? []));
    return [...numbers].sort((a, b) => a - b);
  }

  /** The kernel's count of commits. */
  async generation(): Promise<number> {
    return (await this.foreigner.generation()).id;
  }
}

/** `10.96.0.<number>:80`, served by `10.244.0.<each>:8080`; the rest is the simplest that works. */
export function servicePort(
  number: number,
  endpoints: readonly number[] = [number],
  parts: Partial<ServicePort> = {},
): DesiredPort {
  const name = `service-${number}`;
  const port: ServicePort = {
    id: idOf(number),
    namespace: 'default',
    name,
    portName: '',
    protocol: 'tcp',
    family: 4,
    frontends: [{ kind: 'ClusterIP', address: addressOf(number), port: 80, policy: 'Cluster' }],
    clusterEndpoints: endpoints.map((each) => ({ address: `10.244.0.${each}`, port: 8080, local: false, weight: 1 })),
    localEndpoints: [],
    otherServingEndpoints: [],
    hasAnyEndpoints: endpoints.length > 0,
    algorithm: 'random',
    ...parts,
  };
  return { port };
}

export function idOf(number: number): string {
  return `default/service-${number}:/tcp/4`;
}

export function addressOf(number: number): string {
  return `10.96.0.${number}`;
}

/** By id. */
export function ports(...desired: readonly DesiredPort[]): Map<string, DesiredPort> {
  return new Map(desired.map((each) => [each.port.id, each]));
}
