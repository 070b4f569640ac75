import { describe, expect, it } from 'vitest';
import type { Endpoint, ServicePort } from '../../services/index.ts';
import type { NodeSettings } from '../data-plane.ts';
import { plainNode, servicePort } from '../testing/index.ts';
import { inTable } from './chains.ts';
import { FamilyRules } from './family-rules.ts';

/** All rules of these Service ports as `table chain rule`, but for the chains that are there without any. */
function rulesOf(ports: readonly Partial<ServicePort>[], node: Partial<NodeSettings> = {}): string[] {
  const settings = { ...plainNode, ...node };
  const family = ports[0]?.family ?? 4;
  const rules = new FamilyRules(family, settings);
  const constant = new Set(rules.takeTouched().keys());
  for (const [index, port] of ports.entries()) {
    const desired = servicePort(index + 1, ['10.244.0.1'], port);
    rules.put(desired.port.id, desired);
  }
  const digests = new Map<string, string>();
  return [...rules.takeTouched()]
    .filter(([key, chain]) => !constant.has(key) || (chain?.length ?? 0) > 0)
    .flatMap(([key, chain]) => (chain ?? []).map((rule) => `${key} ${rule}`))
    .map((line) => line.replaceAll('NFTPROXY-', ''))
    .map((line) =>
      line.replace(/\b([CLXFE])-[0-9a-f]{12}\b/g, (name, kind: string) => {
        const number = [...digests.keys()].filter((each) => each.startsWith(kind)).length + 1;
        if (!digests.has(name)) digests.set(name, `${kind}${number}`);
        return digests.get(name) ?? name;
      }),
    )
    .toSorted();
}

const endpoint = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  ...{ address, port: 8080, local: false, weight: 1 },
  ...more,
});
const here = endpoint('10.244.1.2', { local: true });
const there = endpoint('10.244.2.2');

/** A LoadBalancer Service port with endpoints here and there. */
const exposed: Partial<ServicePort> = {
  frontends: [{ kind: 'LoadBalancerIP', address: '192.0.2.10', port: 80, policy: 'Local' }],
  clusterEndpoints: [here, there],
  localEndpoints: [here],
};

describe('a Service port as rules of iptables', () => {
  it('is translated at its ClusterIP; its other ports are refused, and its clients masqueraded by one chain', () => {
    expect(rulesOf([{}])).toEqual([
      'filter VIP -d 10.96.0.1/32 -g NOPORT',
      'nat C1 -p tcp -j DNAT --to-destination 10.244.0.1:8080',
      'nat MASQ -m conntrack --ctorigdst 10.96.0.1 -g MASQCIP',
      'nat VIP -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -g C1',
    ]);
  });

  it('gives each endpoint its share of what is left, and the last one the rest', () => {
    const clusterEndpoints = [endpoint('10.244.0.1', { weight: 2 }), there, endpoint('10.244.3.2', { weight: 0 })];
    expect(rulesOf([{ clusterEndpoints }])).toEqual(
      expect.arrayContaining([
        'nat C1 -p tcp -m statistic --mode random --probability 0.66666666651 -j DNAT --to-destination 10.244.0.1:8080',
        'nat C1 -p tcp -j DNAT --to-destination 10.244.2.2:8080',
      ]),
    );
    expect(rulesOf([{ clusterEndpoints }]).join()).not.toContain('10.244.3.2');
  });

  it('lets endpoints take turns where the Service asks for that', () => {
    const turns = rulesOf([{ algorithm: 'round-robin', clusterEndpoints: [here, there] }]);
    expect(turns).toContain(
      'nat C1 -p tcp -m statistic --mode nth --every 2 --packet 0 -j DNAT --to-destination 10.244.1.2:8080',
    );
    expect(turns).toContain('nat C1 -p tcp -j DNAT --to-destination 10.244.2.2:8080');
  });

  it('asks first whether a client has been with an endpoint, where clients are to stay', () => {
    const rules = rulesOf([{ affinitySeconds: 600, clusterEndpoints: [here, there] }]);
    const mask = '--mask 255.255.255.255 --rsource';
    expect(rules.filter((rule) => rule.startsWith('nat C1') || rule.startsWith('nat E'))).toEqual([
      'nat C1 -g E2',
      `nat C1 -m recent --rcheck --seconds 600 --reap --name E1 ${mask} -g E1`,
      `nat C1 -m recent --rcheck --seconds 600 --reap --name E2 ${mask} -g E2`,
      'nat C1 -m statistic --mode random --probability 0.50000000000 -g E1',
      `nat E1 -p tcp -m recent --set --name E1 ${mask} -j DNAT --to-destination 10.244.1.2:8080`,
      `nat E2 -p tcp -m recent --set --name E2 ${mask} -j DNAT --to-destination 10.244.2.2:8080`,
    ]);
  });

  it('serves pods and this host by all endpoints and others by those here, with external policy Local', () => {
    const settings = { detectors: { 4: { by: 'source' as const } }, localSources: ['10.244.0.0/16', 'fd00::/48'] };
    expect(rulesOf([exposed], settings)).toEqual([
      'nat C1 -p tcp -j DNAT --to-destination 10.244.2.2:8080',
      'nat C1 -p tcp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.244.1.2:8080',
      'nat HAIRPIN -s 10.244.1.2/32 -d 10.244.1.2/32 -j MASQUERADE --random-fully',
      'nat L1 -p tcp -j DNAT --to-destination 10.244.1.2:8080',
      'nat MASQ -p tcp -m conntrack --ctorigdst 192.0.2.10 --ctorigdstport 80 -g MASQHOST',
      'nat VIP -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -g X1',
      'nat X1 -g L1',
      'nat X1 -m addrtype --src-type LOCAL -g C1',
      'nat X1 -s 10.244.0.0/16 -g C1',
    ]);
  });

  it('drops others with policy Local when no endpoint is here', () => {
    const rules = rulesOf([{ ...exposed, localEndpoints: [] }]);
    expect(rules).toContain('filter VIP -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -j DROP');
    expect(rules).toContain('nat X1 -j RETURN');
    expect(rules).toContain('nat X1 -m addrtype --src-type LOCAL -g C1');
  });

  it('is refused where nobody serves it, in table filter, which can', () => {
    const nobody = { ...exposed, clusterEndpoints: [], localEndpoints: [], hasAnyEndpoints: false };
    expect(rulesOf([nobody])).toEqual([
      'filter VIP -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -g REJECT',
      'nat MASQ -p tcp -m conntrack --ctorigdst 192.0.2.10 --ctorigdstport 80 -g MASQHOST',
    ]);
  });

  it('is translated for sources that are admitted, and dropped for all others', () => {
    const frontends = [
      {
        kind: 'LoadBalancerIP',
        address: '192.0.2.10',
        port: 80,
        policy: 'Cluster',
        sourceRanges: ['10.1.0.0/16', '10.2.0.1'],
      },
    ] as const;
    const rules = rulesOf([{ frontends }]);
    expect(rules).toEqual([
      'filter VIP -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -j DROP',
      'nat C1 -p tcp -j DNAT --to-destination 10.244.0.1:8080',
      'nat F1 -s 10.1.0.0/16 -g C1',
      'nat F1 -s 10.2.0.1/32 -g C1',
      'nat MASQ -p tcp -m conntrack --ctorigdst 192.0.2.10 --ctorigdstport 80 -j MASQUERADE --random-fully',
      'nat VIP -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -g F1',
    ]);
    const nobody = rulesOf([{ frontends, clusterEndpoints: [], hasAnyEndpoints: false }]);
    expect(nobody.filter((rule) => rule.startsWith('filter'))).toEqual([
      'filter F1 -j DROP',
      'filter F1 -s 10.1.0.0/16 -g REJECT',
      'filter F1 -s 10.2.0.1/32 -g REJECT',
      'filter VIP -d 192.0.2.10/32 -p tcp -m tcp --dport 80 -g F1',
    ]);
  });

  it('answers at NodePorts of IPv6, for UDP', () => {
    const rules = rulesOf([
      {
        family: 6,
        protocol: 'udp',
        frontends: [{ kind: 'NodePort', port: 30080, policy: 'Cluster' }],
        clusterEndpoints: [endpoint('fd00::1')],
      },
    ]);
    expect(rules).toEqual([
      'nat C1 -p udp -j DNAT --to-destination [fd00::1]:8080',
      'nat MASQNP -p udp -m conntrack --ctorigdstport 30080 -j MASQUERADE --random-fully',
      'nat NODEPORT -p udp -m udp --dport 30080 -g C1',
    ]);
  });
});

describe('the rules that are there with any Services', () => {
  it('follow the node: NodePort addresses, ServiceCIDRs, how pods are told', () => {
    const rules = new FamilyRules(4, {
      ...plainNode,
      detectors: { 4: { by: 'interface', name: 'veth', prefix: true } },
      nodePortAddresses: ['172.30.0.1', 'fd00::1'],
    }).takeTouched();
    expect(rules.get(inTable('nat', 'NFTPROXY-SERVICES'))).toEqual([
      '-j NFTPROXY-VIP',
      '-d 127.0.0.0/8 -j RETURN',
      '-d 172.30.0.1/32 -m addrtype --dst-type LOCAL -j NFTPROXY-NODEPORT',
    ]);
    expect(rules.get(inTable('nat', 'NFTPROXY-MASQCIP'))).toEqual([
      '-i veth+ -j RETURN',
      '-j MASQUERADE --random-fully',
    ]);
    expect(rules.get(inTable('filter', 'NFTPROXY-REFUSE'))).toEqual([
      '-j NFTPROXY-VIP',
      '-d 10.96.0.0/16 -m addrtype ! --dst-type LOCAL -j DROP',
      '-d 127.0.0.0/8 -j RETURN',
      '-d 172.30.0.1/32 -m addrtype --dst-type LOCAL -j NFTPROXY-NODEPORT',
    ]);
  });

  it('leave sources alone where pods cannot be told, and replace all with masqueradeAll', () => {
    const key = inTable('nat', 'NFTPROXY-MASQCIP');
    expect(new FamilyRules(4, plainNode).takeTouched().get(key)).toEqual([]);
    const all = new FamilyRules(4, { ...plainNode, masqueradeAll: true }).takeTouched();
    expect(all.get(key)).toEqual(['-j MASQUERADE --random-fully']);
  });
});
