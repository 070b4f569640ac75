import { definitionOf } from '../sets.ts';
import { NftablesDataPlane } from '../data-plane.ts';
import type { DesiredPort, NodeSettings } from '../../data-plane.ts';
import { FakeNftables } from '../../../nftables/testing/index.ts';
import type { NftablesSocket } from '../../../nftables/index.ts';
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

/** A node whose nf_tables is a fake, with a data plane on it and room for other programs. */
export class NodeRig {
  readonly kernel: FakeNftables;
  readonly logs: string[] = [];
  /** Reads, and writes as somebody else would. */
  readonly foreigner: NftablesSocket;
  dataPlane: NftablesDataPlane;

  /** @param features of the kernel; all unless told */
  constructor(features: ConstructorParameters<typeof FakeNftables>[0] = {}) {
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
    return new NftablesDataPlane({ writer: this.kernel.open(), reader: this.kernel.open(), log });
  }

  /** `key` or `key : data` of the elements of one of our sets, sorted. */
  async contents(set: string): Promise<string[]> {
    const definition = definitionOf(set);
    if (definition === undefined) throw new TypeError(`no set ${set}`);
    const elements = await this.foreigner.elements(table, definition);
    return elements.map(({ key, data }) => (data === undefined ? key : `${key} : ${data}`)).sort();
  }

  /** All sets that are not empty, but for remembered clients. */
  async everything(): Promise<Record<string, string[]>> {
    const all: Record<string, string[]> = {};
    for (const { name, dynamic } of await this.foreigner.sets(table)) {
      const contents = dynamic === true ? [] : await this.contents(name);
      if (contents.length > 0) all[name] = contents;
    }
    return all;
  }

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
