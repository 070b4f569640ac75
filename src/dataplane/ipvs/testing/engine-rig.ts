import { FakeNftables } from '../../../nftables/testing/index.ts';
import { createLogger } from '../../../runtime/index.ts';
import type { Explanation } from '../../data-plane.ts';
import { EngineDataPlane } from '../../engines/index.ts';
import { NftablesDataPlane } from '../../nftables/index.ts';
import { IpvsEngine } from '../engine.ts';
import { MemoryIpvs } from './memory-ipvs.ts';

const unlimited = { perPort: Infinity, inAll: Infinity };

/** A node with nf_tables and IPVS in memory, and agents on it: what is in its kernel outlives them. */
export class EngineRig {
  readonly nftables = new FakeNftables();
  readonly kernel = new MemoryIpvs();
  readonly logs: string[] = [];

  /** An agent's process. */
  open(): EngineDataPlane {
    const log = createLogger({ format: 'text', level: 'debug', write: (line) => this.logs.push(line) });
    const sockets = { writer: this.nftables.open(), reader: this.nftables.open() };
    const drained = (): Promise<void> => Promise.resolve();
    const table = new NftablesDataPlane({ ...sockets, log, drained, limits: unlimited });
    return new EngineDataPlane({ table, engine: new IpvsEngine(this.kernel), log });
  }

  /** Virtual servers without the places that they have. */
  get servers(): string[] {
    return this.kernel.text.map((line) => line.replace(/169\.\S+ \d+/, 'T')).sort();
  }

  /** Targets to which the table leads: `tcp 169.254.77.1 4711`. */
  get targets(): string[] {
    const named = this.nftables.toString().matchAll(/(169\.254\.77\.[1-9]\d*) \. (\d+)/g);
    return [...new Set([...named].map(([, address, port]) => `tcp ${address} ${port}`))];
  }

  /** Targets to which the table leads and where no endpoint is. */
  get deadEnds(): string[] {
    const alive = this.kernel.text.filter((line) => !line.endsWith(': ')).map((line) => line.split(' ', 3).join(' '));
    return this.targets.filter((target) => !alive.includes(target));
  }
}

/** What a node does with a Pod's packet to Service number `number`. */
export function ask(dataPlane: EngineDataPlane, number: number): Promise<Explanation> {
  return dataPlane.explain({
    ...{ source: '10.244.0.9', destination: `10.96.0.${number}`, protocol: 'tcp', port: 80 },
    ...{ fromHost: false, fromPod: true, toHost: false, masqueradeAll: false },
  });
}
