import { describe, expect, it } from 'vitest';
import {
  concat,
  dnatFromMap,
  drop,
  ipDaddr,
  ipSaddr,
  jhashMod,
  l4proto,
  lookup,
  matchL4Protocols,
  numgenInc,
  reject,
  thDport,
  Transaction,
  verdictMap,
} from '../../src/nftables/index.ts';
import type { Element, SetDefinition } from '../../src/nftables/index.ts';
import { link, Namespace } from '../support/index.ts';
import { afterThisTest, openSocket } from './host.ts';
import { learnRule, rulesetOf, transactionOf } from './ruleset.ts';

const families = [
  {
    family: 4,
    client: '10.0.0.2',
    gateway: '10.0.0.1',
    back: '10.0.1.1',
    servers: ['10.0.1.2', '10.0.1.3'],
    vip: '10.96.0.1',
  },
  {
    family: 6,
    client: 'fd00::2',
    gateway: 'fd00::1',
    back: 'fd01::1',
    servers: ['fd01::2', 'fd01::3'],
    vip: 'fd96::1',
  },
] as const;

/** client -- router (the rules are here) -- server with two addresses. */
async function topology(): Promise<{ client: Namespace; router: Namespace; server: Namespace }> {
  const create = async (label: string, forwarding = false): Promise<Namespace> => {
    const namespace = await Namespace.create(label, { forwarding });
    afterThisTest(() => namespace.destroy());
    return namespace;
  };
  const [client, router, server] = [await create('client'), await create('router', true), await create('server')];
  const length = (address: string): string => `${address}/${address.includes(':') ? 64 : 24}`;
  await link(client, router, {
    a: {
      addresses: families.map((each) => length(each.client)),
      routes: families.map((each) => ({ to: 'default', via: each.gateway })),
    },
    b: { addresses: families.map((each) => length(each.gateway)) },
  });
  await link(server, router, {
    a: {
      addresses: families.flatMap((each) => each.servers.map(length)),
      routes: families.map((each) => ({ to: 'default', via: each.back })),
    },
    b: {
      addresses: families.map((each) => length(each.back)),
      // So that packets to a virtual address that are not translated get as far as the forward hook.
      routes: families.map((each) => ({ to: 'default', via: each.servers[0] })),
    },
  });
  await server.serve(
    families.flatMap((each) =>
      each.servers.flatMap((address) => [
        { protocol: 'tcp' as const, address, port: 8080 },
        { protocol: 'udp' as const, address, port: 8080 },
      ]),
    ),
  );
  return { client, router, server };
}

function serverName(address: string): string {
  return address.includes(':') ? `[${address}]:8080` : `${address}:8080`;
}

describe('packets through rules that were written over netlink', () => {
  it('reach the endpoints of a map in turn, by hash, or nobody', { timeout: 120_000 }, async () => {
    const { client, router } = await topology();
    const socket = openSocket(router);
    const transaction = new Transaction('nftproxy')
      .addTable()
      .addChain({ name: 'prerouting', base: { type: 'nat', hook: 'prerouting', priority: -100 } })
      .addChain({ name: 'forward', base: { type: 'filter', hook: 'forward', priority: 0 } })
      .addChain({ name: 'rejecting' })
      .addChain({ name: 'dropping' })
      .addRule({ chain: 'rejecting', statements: [reject()] })
      .addRule({ chain: 'dropping', statements: [drop()] });
    for (const each of families) {
      const { family, vip } = each;
      const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
      const port = [address, 'inet_proto', 'inet_service'] as const;
      const services: SetDefinition = { name: `services${family}`, key: port, data: 'verdict', counter: true };
      const blocked: SetDefinition = { ...services, name: `blocked${family}` };
      const endpoints: SetDefinition = {
        name: `endpoints${family}`,
        key: [...port, 'slot'],
        data: [address, 'inet_service'],
      };
      const key = [ipDaddr(family), l4proto(), thDport()];
      const balanced = (chain: string, name: 'inc' | 'hash'): void => {
        const slot = name === 'inc' ? numgenInc(2) : jhashMod([ipSaddr(family)], 2, 7);
        const dnat = dnatFromMap(family, concat(...key, slot), endpoints.name);
        transaction
          .addChain({ name: chain })
          .addRule({ chain, statements: [matchL4Protocols(['tcp', 'udp', 'sctp']), dnat] });
      };
      transaction.addSet(services).addSet(endpoints).addSet(blocked);
      balanced(`inc${family}`, 'inc');
      balanced(`hash${family}`, 'hash');
      transaction
        .addRule({ chain: 'prerouting', statements: [verdictMap(concat(...key), services.name)] })
        .addRule({ chain: 'forward', statements: [verdictMap(concat(...key), blocked.name)] })
        .addElements(services, [
          { set: services.name, key: `${vip} . tcp . 80`, data: `goto inc${family}` },
          { set: services.name, key: `${vip} . udp . 80`, data: `goto inc${family}` },
          { set: services.name, key: `${vip} . tcp . 443`, data: `goto hash${family}` },
        ])
        .addElements(blocked, [
          { set: blocked.name, key: `${vip} . tcp . 81`, data: 'goto rejecting' },
          { set: blocked.name, key: `${vip} . tcp . 82`, data: 'goto dropping' },
        ])
        .addElements(
          endpoints,
          ['tcp . 80', 'udp . 80', 'tcp . 443'].flatMap((service) =>
            each.servers.map((server, slot): Element => ({
              set: endpoints.name,
              key: `${vip} . ${service} . ${slot}`,
              data: `${server} . 8080`,
            })),
          ),
        );
    }
    await socket.commit(transaction);
    for (const { family, vip, servers } of families) {
      const ask = async (protocol: 'tcp' | 'udp', port: number, count: number): Promise<string[]> => {
        const answers = await client.request({
          protocol,
          address: vip,
          port,
          count,
          concurrency: 1,
          timeoutMilliseconds: 1500,
        });
        return answers.map(({ server, error }) => server ?? error);
      };
      const inTurn = [...servers, ...servers].map(serverName).sort();
      expect((await ask('tcp', 80, 4)).sort()).toEqual(inTurn);
      expect((await ask('udp', 80, 4)).sort()).toEqual(inTurn);
      const hashed = await ask('tcp', 443, 6);
      expect(new Set(hashed).size).toBe(1);
      expect(servers.map(serverName)).toContain(hashed[0]);
      expect(await ask('tcp', 81, 1)).toEqual(['ECONNREFUSED']);
      expect(await ask('tcp', 82, 1)).toEqual(['ETIMEDOUT']);
      const definition = (await socket.sets('nftproxy')).find(({ name }) => name === `services${family}`)?.definition;
      if (definition === undefined) throw new Error('the map is gone');
      const [web] = await socket.elementsByKey('nftproxy', definition, [{ key: `${vip} . tcp . 80` }]);
      expect(web).toMatchObject({ data: `goto inc${family}`, packets: 4 });
    }
  });

  it(
    'teach and use session affinity, where nft 1.0.6 could not have written the rule',
    { timeout: 120_000 },
    async () => {
      const { client, router } = await topology();
      const socket = openSocket(router);
      const transaction = transactionOf(rulesetOf(4), rulesetOf(6));
      const base = { type: 'nat', hook: 'prerouting', priority: -100 } as const;
      transaction.addChain({ name: 'prerouting', base });
      for (const { family, vip, servers } of families) {
        const { sets } = rulesetOf(family);
        const named = (name: string): SetDefinition => {
          const set = sets.find((each) => each.name === `${name}${family}`);
          if (set === undefined) throw new Error(`no set ${name}`);
          return set;
        };
        const learn = learnRule(family);
        const key = [ipDaddr(family), l4proto(), thDport()];
        const ports = matchL4Protocols(['tcp', 'udp', 'sctp']);
        const isVip = lookup(ipDaddr(family), `cluster_ips${family}`);
        transaction
          .addChain({ name: learn.chain, base: { type: 'filter', hook: 'postrouting', priority: 0 } })
          .addRule(learn)
          .addRule({
            chain: 'prerouting',
            statements: [isVip, ports, dnatFromMap(family, concat(ipSaddr(family), ...key), `affinity${family}`)],
          })
          .addRule({
            chain: 'prerouting',
            statements: [isVip, ports, dnatFromMap(family, concat(...key, numgenInc(2)), `endpoints${family}`)],
          })
          .addElements(named('cluster_ips'), [{ set: '', key: vip }])
          .addElements(
            named('endpoints'),
            servers.map((server, slot) => ({ set: '', key: `${vip} . tcp . 80 . ${slot}`, data: `${server} . 8080` })),
          )
          .addElements(
            named('affine'),
            servers.map((server) => ({ set: '', key: `${vip} . tcp . 80 . ${server} . 8080` })),
          );
      }
      await socket.commit(transaction);
      for (const { family, client: source, vip, servers } of families) {
        const answers = await client.request({ protocol: 'tcp', address: vip, port: 80, count: 8, concurrency: 1 });
        const chosen = answers[0]?.server;
        expect(answers.map(({ server, error }) => server ?? error)).toEqual(Array(8).fill(chosen));
        expect(servers.map(serverName)).toContain(chosen);
        const affinity = rulesetOf(family).sets.find(({ name }) => name === `affinity${family}`);
        if (affinity === undefined) throw new Error('no affinity map');
        const learned = await socket.elements('nftproxy', affinity);
        expect(learned).toMatchObject([{ key: `${source} . ${vip} . tcp . 80` }]);
        expect(serverName(learned[0]?.data?.split(' . ')[0] ?? '')).toBe(chosen);
      }
    },
  );
});
