import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Namespace, whyNoNftables } from '../support/index.ts';
import { createLogger } from '../../src/runtime/index.ts';
import type { Endpoint, Frontend } from '../../src/services/index.ts';
import type { DesiredPort, NodeSettings } from '../../src/dataplane/index.ts';
import { byId, plainNode, servicePort } from '../../src/dataplane/testing/index.ts';
import { IptablesDataPlane } from '../../src/dataplane/iptables/index.ts';

const log = createLogger({ format: 'text', level: 'error', write: () => undefined });

let space: Namespace;
beforeEach(async () => {
  space = await Namespace.create('iptables');
});
afterEach(async () => {
  await space[Symbol.asyncDispose]();
});

const open = (): IptablesDataPlane => new IptablesDataPlane({ log, namespacePath: space.path, lookingShare: Infinity });

/** What a person sees: chains and rules of the program that the host uses, without counters. */
async function saved(variant = 'nft', family = 4): Promise<string[]> {
  const text = await space.run(`xtables-${variant}-multi`, [`ip${family === 6 ? '6' : ''}tables-save`]);
  return text.split('\n').filter((line) => line.startsWith('-A') || line.startsWith(':NFTPROXY'));
}

const ours = async (variant = 'nft', family = 4): Promise<string[]> =>
  (await saved(variant, family)).filter((line) => line.includes('NFTPROXY-')).toSorted();

const address = (family: 4 | 6, number: number): string => (family === 4 ? `192.0.2.${number}` : `2001:db8::${number}`);

const endpoint = (family: 4 | 6, number: number, more: Partial<Endpoint> = {}): Endpoint => ({
  ...{ address: family === 4 ? `10.244.0.${number}` : `fd00::${number}`, port: 8080, local: number === 1 },
  weight: number === 3 ? 2 : 1,
  ...more,
});

interface Wish {
  readonly number: number;
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly algorithm: 'random' | 'round-robin' | 'least-connections';
  readonly policy: 'Cluster' | 'Local';
  readonly endpoints: readonly number[];
  readonly affinitySeconds?: number | undefined;
  readonly sourceRanges?: readonly string[] | undefined;
  readonly isExternal: boolean;
}

function desiredOf(wish: Wish): DesiredPort {
  const { number, family, policy, sourceRanges } = wish;
  const all = wish.endpoints.map((each) => endpoint(family, each));
  const clusterIP = family === 4 ? `10.96.0.${number}` : `fd00:10:96::${number}`;
  const external: Frontend[] = [
    {
      kind: 'LoadBalancerIP',
      address: address(family, number),
      port: 80,
      policy,
      ...(sourceRanges && { sourceRanges }),
    },
    { kind: 'NodePort', port: 30_000 + number, policy },
  ];
  const { port } = servicePort(number, [], {
    ...{ family, protocol: wish.protocol, algorithm: wish.algorithm },
    ...(wish.affinitySeconds === undefined ? {} : { affinitySeconds: wish.affinitySeconds }),
    frontends: [{ kind: 'ClusterIP', address: clusterIP, port: 80, policy }, ...(wish.isExternal ? external : [])],
    clusterEndpoints: all,
    localEndpoints: all.filter(({ local }) => local),
    hasAnyEndpoints: all.length > 0,
  });
  return { port: { ...port, id: `default/service-${number}:/${wish.protocol}/${family}` } };
}

const wish: fc.Arbitrary<Wish> = fc.record({
  number: fc.integer({ min: 1, max: 40 }),
  family: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
  algorithm: fc.constantFrom('random' as const, 'round-robin' as const, 'least-connections' as const),
  policy: fc.constantFrom('Cluster' as const, 'Local' as const),
  endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  affinitySeconds: fc.constantFrom(undefined, undefined, 600),
  sourceRanges: fc.constantFrom(undefined, undefined, [], ['203.0.113.0/24', '198.51.100.7']),
  isExternal: fc.boolean(),
});

const nodes: readonly NodeSettings[] = [
  plainNode,
  {
    ...plainNode,
    detectors: { 4: { by: 'source' }, 6: { by: 'interface', name: 'veth', prefix: true } },
    localSources: ['10.244.0.0/16'],
    nodePortAddresses: ['0.0.0.0/0', '::/0'],
  },
  {
    ...plainNode,
    masqueradeAll: true,
    nodePortAddresses: ['172.30.0.1/32'],
    serviceCIDRs: ['10.96.0.0/16', 'fd00:10:96::/112'],
  },
];

const missing = { nft: whyNoNftables(), legacy: undefined };

for (const variant of ['nft', 'legacy'] as const) {
  const program = `xtables-${variant}-multi`;

  describe.skipIf(missing[variant] !== undefined)(`mode iptables on a host with the variant ${variant}`, () => {
    beforeEach(async () => {
      await space.run(program, ['iptables', '-A', 'INPUT', '-j', 'ACCEPT']);
    });

    it('is the same after any changes as after a start, in the words in which it was written', async () => {
      const steps = fc.array(
        fc.tuple(
          fc.array(wish, { maxLength: 12 }),
          fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
          fc.nat(2),
        ),
        { minLength: 1, maxLength: 4 },
      );
      await fc.assert(
        fc.asyncProperty(steps, async (history) => {
          const dataPlane = open();
          await dataPlane.start(new Map(), plainNode);
          let node = plainNode;
          for (const [wishes, gone, number] of history) {
            const changes = new Map<string, DesiredPort | undefined>(byId(wishes.map(desiredOf)));
            for (const [id, { port }] of dataPlane.served)
              if (gone.some((one) => port.name === `service-${one}`)) changes.set(id, undefined);
            expect((await dataPlane.apply(changes)).refused).toEqual([]);
            node = nodes[number] ?? plainNode;
            await dataPlane.setNode(node);
          }
          expect(await dataPlane.verify()).toBe('intact');
          const successor = open();
          const { written } = await successor.start(dataPlane.served, node);
          expect(written.elements).toBe(0);
        }),
        { numRuns: 8 },
      );
    });

    it('leaves what others have, and comes before kube-proxy’s rules, also if those came later', async () => {
      await space.run(program, ['iptables', '-t', 'nat', '-N', 'KUBE-SERVICES']);
      const toKubeProxy = ['iptables', '-t', 'nat', '-I', 'PREROUTING', '-j', 'KUBE-SERVICES'];
      await space.run(program, toKubeProxy);
      const before = await saved(variant);
      const dataPlane = open();
      await dataPlane.start(byId([servicePort(1)]), plainNode);
      const prerouting = async (): Promise<string[]> =>
        (await saved(variant)).filter((line) => line.startsWith('-A PREROUTING'));
      const wanted = [expect.stringMatching(/-j NFTPROXY-SERVICES$/), '-A PREROUTING -j KUBE-SERVICES'];
      expect(await prerouting()).toEqual(wanted);
      await space.run(program, ['iptables', '-t', 'nat', '-D', 'PREROUTING', '-j', 'KUBE-SERVICES']);
      await space.run(program, toKubeProxy);
      expect(await dataPlane.verify()).toBe('changed');
      await dataPlane.start(byId([servicePort(1)]), plainNode);
      expect(await prerouting()).toEqual(wanted);
      expect(await dataPlane.remove()).toBe(`chains NFTPROXY-* of iptables (${variant})`);
      expect(await saved(variant)).toEqual(before);
    });

    it('writes only what differs from what it finds, and repairs what somebody took', async () => {
      const first = open();
      await first.start(byId([servicePort(1), servicePort(2)]), plainNode);
      const before = await ours(variant);
      const second = open();
      const { written } = await second.start(byId([servicePort(1), servicePort(2, ['10.244.0.2'])]), plainNode);
      expect(written.elements).toBe(2);
      await second.start(byId([servicePort(1), servicePort(2)]), plainNode);
      expect(await ours(variant)).toEqual(before);
      await space.run(program, ['iptables', '-t', 'nat', '-D', 'NFTPROXY-VIP', '1']);
      await space.run(program, ['iptables', '-t', 'filter', '-F', 'NFTPROXY-REFUSE']);
      expect(await second.verify()).toBe('changed');
      await second.start(byId([servicePort(1), servicePort(2)]), plainNode);
      expect(await ours(variant)).toEqual(before);
    });
  });
}

describe('mode iptables', () => {
  it.skipIf(missing.nft !== undefined)(
    'follows a host that changes its variant, and leaves nothing in the other one',
    async () => {
      await open().start(byId([servicePort(1)]), plainNode);
      await space.run('xtables-legacy-multi', ['iptables', '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT']);
      await open().start(byId([servicePort(1)]), plainNode);
      expect(await ours('nft')).toEqual([]);
      expect(await ours('nft', 6)).toEqual([]);
      expect((await ours('legacy')).length).toBeGreaterThan(0);
    },
  );

  it('names what it lacks, on the Services that ask for it, and serves them', async () => {
    const dataPlane = open();
    const ports = [
      servicePort(1),
      servicePort(2, ['10.244.0.1'], { algorithm: 'maglev', maglevTableSize: 1021 }),
      servicePort(3, ['10.244.0.1'], { algorithm: 'source-hash' }),
      servicePort(4, ['10.244.0.1'], { engine: 'ipvs' }),
      servicePort(5, ['10.244.0.1'], { algorithm: 'round-robin' }),
    ];
    await dataPlane.start(byId(ports), plainNode);
    expect(dataPlane.served.size).toBe(5);
    const lacks = [...dataPlane.fallbacks].map(([id, { reason, askedBy }]) => [id, askedBy, reason.split(':')[0]]);
    expect(lacks).toEqual([
      ['default/service-2:/tcp/4', 'service', 'mode iptables does not have the algorithm maglev'],
      ['default/service-3:/tcp/4', 'service', 'mode iptables does not have the algorithm source-hash'],
      ['default/service-4:/tcp/4', 'service', 'mode iptables does not have the engine ipvs'],
    ]);
  });
});
