import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';
import type { EngineDataPlane } from '../engines/index.ts';
import { byId, plainNode, servicePort } from '../testing/index.ts';
import { EngineRig } from './testing/index.ts';

/** What a Service says, in few words; `twos` is what this kernel lacks. */
interface Wish {
  readonly number: number;
  readonly endpoints: readonly number[];
  readonly engine?: 'nftables' | 'ipvs' | undefined;
  readonly scheduler?: 'wrr' | 'twos' | 'none' | undefined;
}

type Plain<Kind extends string> = Kind extends string ? { readonly kind: Kind } : never;

type Step =
  | { readonly kind: 'serve'; readonly wishes: readonly Wish[] }
  | { readonly kind: 'end'; readonly number: number }
  | { readonly kind: 'node'; readonly engine?: 'ipvs' | undefined; readonly scheduler?: 'wlc' | 'twos' | undefined }
  | Plain<'restart' | 'table fails' | 'answer lost' | 'look' | 'unload' | 'load'>
  | { readonly kind: 'IPVS fails'; readonly after: number };

const numbers = fc.integer({ min: 1, max: 4 });
const wish: fc.Arbitrary<Wish> = fc.record({
  number: numbers,
  endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  engine: fc.constantFrom(undefined, undefined, 'nftables' as const, 'ipvs' as const),
  scheduler: fc.constantFrom(undefined, undefined, 'wrr' as const, 'twos' as const, 'none' as const),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(wish, { minLength: 1, maxLength: 3 }).map((wishes) => ({ kind: 'serve' as const, wishes })),
  },
  { weight: 1, arbitrary: numbers.map((number) => ({ kind: 'end' as const, number })) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('node' as const),
      engine: fc.constantFrom(undefined, 'ipvs' as const, 'ipvs' as const),
      scheduler: fc.constantFrom(undefined, undefined, 'wlc' as const, 'twos' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      { kind: 'restart' as const },
      { kind: 'table fails' as const },
      { kind: 'answer lost' as const },
      { kind: 'look' as const },
      { kind: 'unload' as const },
      { kind: 'load' as const },
    ),
  },
  { weight: 3, arbitrary: fc.nat(4).map((after) => ({ kind: 'IPVS fails' as const, after })) },
);

function desiredOf({ number, endpoints, engine, scheduler }: Wish): DesiredPort {
  const addresses = endpoints.map((each) => `10.244.0.${each}`);
  return servicePort(number, addresses, { ...(engine && { engine }), ...(scheduler && { scheduler }) });
}

/** An agent in miniature: after any failure it starts anew. */
class Agent {
  readonly rig = new EngineRig();
  readonly wishes = new Map<number, Wish>();
  #dataPlane: EngineDataPlane;
  #node: NodeSettings = plainNode;

  constructor() {
    this.#dataPlane = this.rig.open();
  }

  get node(): NodeSettings {
    return this.#node;
  }

  get dataPlane(): EngineDataPlane {
    return this.#dataPlane;
  }

  async do(one: Step): Promise<void> {
    if (one.kind === 'restart') {
      this.#dataPlane.close();
      this.#dataPlane = this.rig.open();
      await this.start();
    } else if (one.kind === 'table fails') this.rig.nftables.failNext('ENOMEM');
    else if (one.kind === 'answer lost') this.rig.nftables.loseNextAnswer({ applied: true });
    else if (one.kind === 'IPVS fails') this.rig.kernel.failAfter(one.after);
    else if (one.kind === 'load') this.rig.kernel.missing = undefined;
    else if (one.kind === 'unload') await this.#unload();
    else await this.#write(one).catch(() => this.start());
  }

  /** Until it succeeds, as an agent does. */
  async start(): Promise<void> {
    const wanted = byId([...this.wishes.values()].map(desiredOf));
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#dataPlane.start(wanted, this.#node);
        return;
      } catch (error) {
        if (attempt === 30) throw error;
      }
    }
  }

  async #unload(): Promise<void> {
    this.rig.kernel.unload();
    await this.#look();
  }

  async #look(): Promise<void> {
    if ((await this.#dataPlane.verify()) === 'changed') await this.start();
    const again = [...(await this.#dataPlane.recoverable())].map((id) => [id, this.#dataPlane.served.get(id)] as const);
    await this.#dataPlane.apply(new Map(again));
  }

  async #write(one: Extract<Step, { kind: 'serve' | 'end' | 'node' | 'look' }>): Promise<void> {
    if (one.kind === 'node') await this.#setNode(one);
    else if (one.kind === 'serve') {
      for (const each of one.wishes) this.wishes.set(each.number, each);
      await this.#dataPlane.apply(byId(one.wishes.map(desiredOf)));
    } else if (one.kind === 'end') {
      this.wishes.delete(one.number);
      await this.#dataPlane.apply(new Map([[`default/service-${one.number}:/tcp/4`, undefined]]));
    } else await this.#look();
  }

  async #setNode({ engine, scheduler }: Extract<Step, { kind: 'node' }>): Promise<void> {
    const before = this.#node;
    this.#node = { ...plainNode, ...(engine && { engine }), ...(scheduler && { scheduler }) };
    try {
      await this.#dataPlane.setNode(this.#node);
    } catch (error) {
      // Refused: what was before is in force.
      this.#node = before;
      throw error;
    }
  }
}

/** What IPVS is to have, in the simplest words. */
function expected({ wishes, node }: Agent): string[] {
  const lines = [...wishes.values()].flatMap(({ endpoints, engine = node.engine, scheduler }) => {
    const chosen = scheduler ?? node.scheduler ?? 'rr';
    if (engine !== 'ipvs' || endpoints.length === 0 || ['none', 'twos'].includes(chosen)) return [];
    return [
      `tcp T ${chosen}: ${[...endpoints]
        .sort()
        .map((each) => `10.244.0.${each} 8080 1`)
        .join(', ')}`,
    ];
  });
  return lines.sort();
}

describe('mode ipvs', () => {
  it('through any changes and failures leads nobody to where no endpoint is, and has in the end what is wanted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const agent = new Agent();
        const { rig } = agent;
        rig.kernel.watch = () => {
          expect(rig.deadEnds).toEqual([]);
        };
        await agent.start();
        for (const one of steps) {
          await agent.do(one);
          expect(rig.deadEnds).toEqual([]);
        }
        rig.kernel.missing = undefined;
        await agent.start();
        expect(rig.servers).toEqual(expected(agent));
        expect(rig.targets).toHaveLength(rig.servers.length);
      }),
      { numRuns: 80 },
    );
  });
});
