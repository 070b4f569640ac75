import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePort } from '../../services/index.ts';
import type { DesiredPort, NodeSettings } from '../data-plane.ts';
import { templateNameOf } from './sets.ts';
import { addressOf, idOf, NodeRig, plainNode, ports, servicePort } from './testing/index.ts';

/** Endpoints of which the kernel takes none with this number. */
const poison = 9;

const endpoints = fc.uniqueArray(
  fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 5 }) }, fc.constant(poison)),
  {
    maxLength: 4,
  },
);

function frontendsOf(
  number: number,
  kind: 'plain' | 'node port' | 'load balancer' | 'local',
): ServicePort['frontends'] {
  const clusterIP = { kind: 'ClusterIP', address: addressOf(number), port: 80, policy: 'Cluster' } as const;
  const address = `192.0.2.${number}`;
  const more = {
    plain: [],
    'node port': [{ kind: 'NodePort', port: 30000 + number, policy: 'Cluster' }],
    'load balancer': [{ kind: 'LoadBalancerIP', address, port: 80, policy: 'Cluster', sourceRanges: ['10.0.0.0/8'] }],
    local: [{ kind: 'ExternalIP', address, port: 80, policy: 'Local' }],
  } as const;
  return [clusterIP, ...more[kind]];
}

const desired: fc.Arbitrary<DesiredPort> = fc
  .record({
    number: fc.integer({ min: 1, max: 4 }),
    endpoints,
    kind: fc.constantFrom('plain', 'node port', 'load balancer', 'local'),
    algorithm: fc.constantFrom('random', 'round-robin', 'source-hash'),
    affinitySeconds: fc.constantFrom(undefined, undefined, 600, 10_800),
    local: fc.boolean(),
  })
  .map(({ number, endpoints: list, kind, algorithm, affinitySeconds, local }) => {
    const { port } = servicePort(number, list, { algorithm, frontends: frontendsOf(number, kind) });
    const clusterEndpoints = port.clusterEndpoints.map((each) => ({ ...each, local }));
    return {
      port: {
        ...port,
        clusterEndpoints,
        localEndpoints: local ? clusterEndpoints : [],
        ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
      },
    };
  });

type Step =
  | { readonly kind: 'change'; readonly ports: readonly DesiredPort[]; readonly gone: readonly number[] }
  | { readonly kind: 'restart' }
  | { readonly kind: 'node'; readonly node: NodeSettings }
  | { readonly kind: 'trouble'; readonly trouble: 'ENOMEM' | 'applied' | 'not applied' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      ports: fc.array(desired, { maxLength: 3 }),
      gone: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('node' as const),
      node: fc
        .record({ masqueradeAll: fc.boolean(), cidr: fc.constantFrom('10.96.0.0/16', '10.97.0.0/16') })
        .map(({ masqueradeAll, cidr }) => ({ ...plainNode, masqueradeAll, serviceCIDRs: [cidr] })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('trouble' as const),
      trouble: fc.constantFrom('ENOMEM', 'applied', 'not applied'),
    }),
  },
);

/** An agent in miniature: when something goes wrong that is no Service port's fault, it starts again. */
class Agent {
  readonly rig = new NodeRig();
  readonly wanted = new Map<string, DesiredPort>();
  node: NodeSettings = plainNode;
  /** That were asked for; some may have come already. */
  #troubles = 0;

  constructor() {
    this.rig.refuse(({ data }) => (data === `10.244.0.${poison} . 8080` ? 'EINVAL' : undefined));
  }

  async do(one: Step): Promise<void> {
    if (one.kind === 'restart') await this.#restart();
    else if (one.kind === 'trouble') this.#expectTrouble(one.trouble);
    else await this.#write(one).catch(() => this.start());
  }

  /** Until there is no more trouble. */
  async start(): Promise<void> {
    for (let troubles = this.#troubles; ; troubles--) {
      try {
        await this.rig.dataPlane.start(this.wanted, this.node);
        return;
      } catch (error) {
        if (troubles === 0) throw error;
      }
    }
  }

  #restart(): Promise<void> {
    this.rig.restart();
    return this.start();
  }

  #expectTrouble(trouble: Extract<Step, { kind: 'trouble' }>['trouble']): void {
    this.#troubles++;
    if (trouble === 'ENOMEM') this.rig.kernel.failNext('ENOMEM');
    else this.rig.kernel.loseNextAnswer({ applied: trouble === 'applied' });
  }

  async #write(one: Extract<Step, { kind: 'change' | 'node' }>): Promise<void> {
    if (one.kind === 'node') {
      this.node = one.node;
      await this.rig.dataPlane.setNode(one.node);
      return;
    }
    const changes = new Map<string, DesiredPort | undefined>(ports(...one.ports));
    for (const number of one.gone) changes.set(idOf(number), undefined);
    for (const [id, port] of changes) {
      if (port === undefined) this.wanted.delete(id);
      else this.wanted.set(id, port);
    }
    const { refused } = await this.rig.dataPlane.apply(changes);
    // What was refused keeps its old state; here it goes, so that the end depends on nothing but what is wanted.
    await this.rig.dataPlane.apply(new Map(refused.map(({ id }) => [id, undefined])));
  }
}

describe('the table', () => {
  it('holds after any changes, refusals, troubles and restarts what a fresh start would write', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const agent = new Agent();
        await agent.start();
        for (const one of steps) await agent.do(one);
        const fresh = new Agent();
        fresh.node = agent.node;
        for (const [id, port] of agent.wanted) fresh.wanted.set(id, port);
        await fresh.start();
        expect(await agent.rig.everything()).toEqual(await fresh.rig.everything());
        expect([...agent.rig.dataPlane.served].sort()).toEqual([...fresh.rig.dataPlane.served].sort());
        // The sizes are what metrics say: sets that were emptied are of size 0.
        const sizes = new Map<string, number>();
        for (const [name, { length }] of Object.entries(await fresh.rig.everything())) {
          const together = templateNameOf(name);
          sizes.set(together, (sizes.get(together) ?? 0) + length);
        }
        expect([...agent.rig.dataPlane.sizes].filter(([, size]) => size > 0).sort()).toEqual([...sizes].sort());
        // But for chains that are kept, nothing is there that nobody needs.
        const own = /^(?!.*(random|hash)[46]_\d+$)/;
        const chains = async ({ rig }: Agent): Promise<string[]> =>
          (await rig.chains()).filter((name) => own.test(name));
        expect((await chains(agent)).sort()).toEqual((await chains(fresh)).sort());
      }),
      { numRuns: 60 },
    );
  });
});
