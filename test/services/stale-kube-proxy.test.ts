import { describe, expect, it } from 'vitest';
import { kubeProxyModes, writeRules } from '../support/kube-proxy/index.ts';
import type { ProxiedObjects } from '../support/kube-proxy/index.ts';
import { addresses, hasTable, loadBalancer, service, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod, Where } from '../support/node/index.ts';
import { hostOf, whyNoNftables } from '../support/index.ts';

const families = [4, 6] as const;
/** Of a Service that kube-proxy knows and nftproxy does not. */
const unknown = { 4: '10.96.0.77', 6: 'fd00:10:96::77' } as const;

/** Over every way that kube-proxy translates: from where, to what, and whether the client keeps its source. */
const ways = (family: 4 | 6) =>
  [
    ['clientPod', addresses[family].clusterIP, 80, true],
    ['node', addresses[family].clusterIP, 80, false],
    ['outside', addresses[family].clusterIP, 80, false],
    ['outside', addresses[family].node, 30080, false],
    ['outside', addresses[family].loadBalancerIP, 80, false],
    ['outside', addresses[family].externalIP, 80, false],
  ] as const;

// Both write by programs that need nf_tables.
const hasNoNftables = whyNoNftables() !== undefined;

describe.skipIf(hasNoNftables).each(kubeProxyModes)(
  'a node with rules of kube-proxy in mode %s that nobody keeps up to date',
  (mode) => {
    /** As kube-proxy wrote them when this pod was the only endpoint. */
    async function writeStaleRules(rig: ServiceRig, pod: Pod): Promise<void> {
      const other = service({ clusterIP: unknown[4], clusterIPs: [unknown[4], unknown[6]] });
      const slices = families.flatMap((family) =>
        (['web', 'other'] as const).map((name) => [`default/${name}-${family}`, slice(name, family, [pod])] as const),
      );
      // `as`: these objects are whole, as the API server's are.
      const objects = {
        services: new Map(Object.entries({ 'default/web': loadBalancer(), 'default/other': other })),
        slices: new Map(slices),
      } as ProxiedObjects;
      const node = {
        name: 'node-1',
        addresses: [addresses[4].node, addresses[6].node],
        clusterCIDRs: [addresses[4].podCIDR, addresses[6].podCIDR],
      };
      await writeRules(mode, objects, node, (...command) => rig.space.run(...command));
    }

    /** What nftproxy knows: the endpoints now. */
    async function serve(rig: ServiceRig, pod: Pod): Promise<void> {
      rig.service('web', loadBalancer());
      for (const family of families) rig.slice(`web-${family}`, slice('web', family, [pod]));
      await rig.run();
    }

    /** As the agent does once a second. */
    async function repair(rig: ServiceRig): Promise<void> {
      if (!(await rig.sync.drifted())) return;
      rig.sync.suspect();
      await rig.run();
    }

    /** Who answers, by every way, and whether the client's own address was seen there. */
    async function answers(rig: ServiceRig, family: 4 | 6): Promise<string[]> {
      const said = ways(family).map(async ([where, address, port]) => {
        const seen = await ask(rig, [where, address, port]);
        return `${where} to ${address} port ${port}: ${seen}`;
      });
      return Promise.all(said);
    }

    async function ask(rig: ServiceRig, [where, address, port]: readonly [Where, string, number]): Promise<string> {
      const found = await rig.namespaceOf(where).request({ protocol: 'tcp', address, port, count: 8 });
      const { node, ...own } = addresses[address.includes(':') ? 6 : 4];
      const source = where === 'node' ? node : own[where];
      const each = found.map(({ server, client, error }) => {
        const kept = hostOf(client) === source ? 'its own source' : 'another source';
        return error ?? `${hostOf(server)}, ${kept}`;
      });
      return [...new Set(each)].join(' and ');
    }

    const expected = (family: 4 | 6, pod: Pod): string[] =>
      ways(family).map(([where, address, port, kept]) => {
        const source = kept || where === 'node' ? 'its own source' : 'another source';
        return `${where} to ${address} port ${port}: ${addresses[family][pod]}, ${source}`;
      });

    // Of chains with one priority the kernel asks the one first that was made last.
    for (const when of ['before', 'after'] as const) {
      // Base chains of iptables have kube-proxy's own priority.
      const isUndecided = !hasTable && mode === 'nftables' && when === 'after';
      it.skipIf(isUndecided)(
        `leads new connections to the endpoints that there are, if those rules were written ${when} ours`,
        async () => {
          await using rig = await ServiceRig.create();
          if (when === 'before') await writeStaleRules(rig, 'localPod');
          await serve(rig, 'remotePod');
          if (when === 'after') await writeStaleRules(rig, 'localPod');
          await repair(rig);
          for (const family of families) expect(await answers(rig, family)).toEqual(expected(family, 'remotePod'));
        },
      );
    }

    it('goes on to lead to what only kube-proxy knows, with its masquerade', async () => {
      await using rig = await ServiceRig.create();
      await writeStaleRules(rig, 'localPod');
      await serve(rig, 'remotePod');
      for (const family of families) {
        const endpoint = addresses[family].localPod;
        expect(await ask(rig, ['clientPod', unknown[family], 80])).toBe(`${endpoint}, its own source`);
        expect(await ask(rig, ['outside', unknown[family], 80])).toBe(`${endpoint}, another source`);
      }
    });
  },
);
