import type { IpvsOperation, IpvsSocket } from '../../ipvs/index.ts';

/** Where a scheduler is tried: no target is there (TargetBook), and nothing leads there. */
const trialPlace = { family: 4, protocol: 'tcp', address: '169.254.77.255', port: 1 } as const;

/**
 * Which schedulers the kernel has. Each is asked for once, on its own: the kernel looks for the module of one that it has
 * not, and would do so for every virtual server.
 */
export class Schedulers {
  readonly #ipvs: Pick<IpvsSocket, 'carryOut'>;
  readonly #known = new Map<string, string | undefined>();

  constructor(ipvs: Pick<IpvsSocket, 'carryOut'>) {
    this.#ipvs = ipvs;
  }

  /** Says for people what is missing; undefined if it is there. */
  async lacks(scheduler: string): Promise<string | undefined> {
    if (!this.#known.has(scheduler)) this.#known.set(scheduler, await this.#try(scheduler));
    return this.#known.get(scheduler);
  }

  /** Modules may have come or gone. */
  forget(): void {
    this.#known.clear();
  }

  async #try(scheduler: string): Promise<string | undefined> {
    const add: IpvsOperation = { do: 'add', server: { ...trialPlace, scheduler } };
    const remove: IpvsOperation = { do: 'delete', server: trialPlace };
    // First what an agent may have left that was killed here.
    const refused = await this.#ipvs.carryOut([remove, add, { ...remove }]);
    const error = refused.get(add);
    if (error?.code !== 'ENOENT') return error?.message;
    return `the kernel has no scheduler ${scheduler} of IPVS (modprobe ip_vs_${scheduler} on the node)`;
  }
}
