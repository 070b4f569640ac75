import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataPlaneFactories } from '../../../src/dataplane/index.ts';
import type { DataPlane } from '../../../src/dataplane/index.ts';
import { byId, plainNode, servicePort } from '../../../src/dataplane/testing/index.ts';
import { createLogger } from '../../../src/runtime/index.ts';
import { Namespace } from '../../support/index.ts';

let namespace: Namespace;
let logs: string[];
const opened: DataPlane[] = [];

beforeEach(async () => {
  namespace = await Namespace.create('state');
  logs = [];
});

afterEach(async () => {
  for (const dataPlane of opened.splice(0)) dataPlane.close();
  await namespace.destroy();
});

function open(): DataPlane {
  const log = createLogger({ format: 'text', level: 'debug', write: (line) => logs.push(line) });
  const dataPlane = dataPlaneFactories({ log, namespacePath: namespace.path })['nftables']?.();
  if (!dataPlane) throw new Error('there is no mode nftables');
  opened.push(dataPlane);
  return dataPlane;
}

const services = byId([servicePort(1), servicePort(2, ['10.244.0.2'], { affinitySeconds: 60 })]);
const forwarded = async (dataPlane: DataPlane, number: number): Promise<readonly string[]> => {
  const packet = { source: '192.0.2.1', destination: `10.96.0.${number}`, protocol: 'tcp' as const, port: 80 };
  const more = { fromHost: false, fromPod: false, toHost: false, masqueradeAll: false };
  return (await dataPlane.explain({ ...packet, ...more })).endpoints;
};

/** Sets and chains of the table, without the numbers of generations. */
async function names(): Promise<string[]> {
  const listing = await namespace.run('nft', ['--terse', 'list', 'table', 'inet', 'nftproxy']);
  return [...listing.matchAll(/^\t(set|map|chain) (\S+?)(\.\d+)? \{/gm)]
    .map(([, kind, name]) => `${kind} ${name}`)
    .sort();
}

/** What a table of our name may hold, whoever put it there: each has `ours` in front. */
const states: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'a set of ours with a type that this version does not know': `
    add set inet nftproxy service_ports4.3 { type mark; }
    add map inet nftproxy services4.3 { type mark : verdict; }`,
  'a foreign verdict that leads to a chain left over': `
    add chain inet nftproxy random4_9.1
    add map inet nftproxy theirs { type ipv4_addr : verdict; elements = { 192.0.2.1 : goto random4_9.1 } }
    add chain inet nftproxy theirs { type filter hook forward priority 0; ip daddr vmap @theirs; }`,
  'base chains of our names with other hooks and types': `
    add chain inet nftproxy prerouting { type filter hook forward priority 7; drop; }
    add chain inet nftproxy input { type nat hook input priority 100; }
    add chain inet nftproxy postrouting { type route hook output priority 0; }`,
  'base chains as ours that drop what they leave undecided': `
    add chain inet nftproxy prerouting { type nat hook prerouting priority -100; policy drop; }
    add chain inet nftproxy postrouting { type nat hook postrouting priority 100; policy drop; }`,
  'chains that lead to one another, rules with counters, and sets that they look into': `
    add set inet nftproxy s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }
    add chain inet nftproxy b
    add chain inet nftproxy a { ip saddr @s counter goto b; }
    add chain inet nftproxy services.1 { jump a; }
    add chain inet nftproxy output { type nat hook output priority -100; jump services.1; }`,
  'a generation that says it is in force, and is empty': `
    add chain inet nftproxy services.4
    add chain inet nftproxy prerouting { type nat hook prerouting priority -100; jump services.4 comment "generation 4"; }`,
  'a generation in force, and foreign verdicts and rules that lead to what is left over of another': `
    add chain inet nftproxy services.4
    add chain inet nftproxy prerouting { type nat hook prerouting priority -100; jump services.4 comment "generation 4"; }
    add chain inet nftproxy random4_9.1
    add map inet nftproxy theirs { type ipv4_addr : verdict; elements = { 192.0.2.1 : goto random4_9.1 } }
    add set inet nftproxy cluster_ips4.1 { type ipv4_addr; }
    add chain inet nftproxy theirs { ip saddr @cluster_ips4.1 drop; }`,
  'numbers of generations that are no numbers any more': `
    add set inet nftproxy theirs.99999999999999999999999 { type ipv4_addr; }
    add set inet nftproxy service_ports4.9007199254740992 { type ipv4_addr . inet_proto . inet_service; counter; }
    add chain inet nftproxy services4.007
    add chain inet nftproxy services.9007199254740993
    add chain inet nftproxy prerouting { type nat hook prerouting priority -100; jump services.9007199254740993 comment "generation 9007199254740993"; }`,
  'the last number of a generation': `
    add set inet nftproxy service_ports4.999999999 { type ipv4_addr . inet_proto . inet_service; counter; }
    add chain inet nftproxy services4.1`,
  'two generations that both say so': `
    add chain inet nftproxy services.4
    add chain inet nftproxy services.5
    add chain inet nftproxy prerouting { type nat hook prerouting priority -100; jump services.4 comment "generation 4"; }
    add chain inet nftproxy output { type nat hook output priority -100; jump services.5 comment "generation 5"; }`,
  'elements that stand for all others, and of protocols that no Service has': `
    add set inet nftproxy service_ports4.2 { type ipv4_addr . inet_proto . inet_service; counter; elements = { *, 10.96.0.1 . tcp . 80, 10.96.0.1 . igmp . 80 } }
    add set inet nftproxy node_ports6.2 { type inet_proto . inet_service; counter; elements = { *, 255 . 0 } }
    add set inet nftproxy theirs { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }
    add map inet nftproxy affinity4_f8c47ff35e60.2 { type ipv4_addr : ipv4_addr . inet_service; size 262144; flags dynamic,timeout; elements = { * : 10.9.9.9 . 80 } }`,
  'sets for counting that limit, or that nobody can change': `
    add set inet nftproxy service_ports4.2 { type ipv4_addr . inet_proto . inet_service; counter limit rate 1/second; }
    add set inet nftproxy service_ports6.2 { type ipv6_addr . inet_proto . inet_service; limit rate 1/second; }
    add set inet nftproxy node_ports6.2 { type inet_proto . inet_service; flags constant; counter; }
    add counter inet nftproxy theirs
    add map inet nftproxy node_ports4.2 { type inet_proto . inet_service : counter; elements = { tcp . 80 : "theirs" } }`,
  'counters and remembered clients that are not what they should be': `
    add set inet nftproxy service_ports4.2 { type ipv4_addr . inet_proto . inet_service; counter; elements = { 10.96.0.1 . tcp . 80 counter packets 5 bytes 300, 192.0.2.7 . udp . 1 } }
    add map inet nftproxy affinity4_000000000000.2 { type ipv4_addr : ipv4_addr . inet_service; size 262144; flags dynamic,timeout; }`,
};

describe('a start on a table of our name', () => {
  for (const flags of ['', 'flags dormant;']) {
    for (const [state, commands] of Object.entries(states)) {
      it(`with ${state}${flags === '' ? '' : ', switched off'}, ends right, and so does the next one`, async () => {
        await namespace.nft(`add table inet nftproxy { ${flags} comment "nftproxy data plane, layout 7"; }${commands}`);
        const before = (await open().start(services, plainNode)).refused;
        expect(before).toEqual([]);
        const serving = opened.at(-1);
        if (!serving) throw new Error('nothing is open');
        expect([await forwarded(serving, 1), await forwarded(serving, 2)]).toEqual([
          ['10.244.0.1:8080'],
          ['10.244.0.2:8080'],
        ]);
        const first = await names();
        const listing = await namespace.run('nft', ['list', 'table', 'inet', 'nftproxy']);
        expect(listing).not.toMatch(/dormant|policy drop/);
        expect(logs.join('')).not.toContain('cannot remove');
        await serving.apply(byId([servicePort(3)]));
        expect(await serving.verify()).toBe('intact');
        serving.close();
        const next = open();
        await next.start(services, plainNode);
        expect(await names()).toEqual(first);
      });
    }
  }

  it('is the same whatever was there', async () => {
    const found: string[][] = [];
    for (const commands of Object.values(states)) {
      await namespace.nft(`add table inet nftproxy { comment "nftproxy data plane"; }${commands}`);
      const dataPlane = open();
      await dataPlane.start(services, plainNode);
      found.push(await names());
      await dataPlane.remove();
    }
    expect(new Set(found.map((each) => each.join('\n'))).size).toBe(1);
  });

  it('keeps what was counted', async () => {
    await namespace.nft(
      `add table inet nftproxy { comment "nftproxy data plane"; }${states['counters and remembered clients that are not what they should be'] ?? ''}`,
    );
    const dataPlane = open();
    const { removedFrontends } = await dataPlane.start(services, plainNode);
    expect(removedFrontends).toEqual([{ family: 4, address: '192.0.2.7', protocol: 'udp', port: 1 }]);
    expect(await dataPlane.counters()).toContainEqual(
      expect.objectContaining({ service: 'service-1', connections: 5 }),
    );
  });

  it('that somebody else made is a refusal that says whose it is, and changes nothing', async () => {
    await namespace.nft('add table inet nftproxy { comment "mine"; }\nadd chain inet nftproxy precious');
    const before = await namespace.run('nft', ['list', 'ruleset']);
    const start = open().start(services, plainNode);
    await expect(start).rejects.toMatchObject({ name: 'ForeignStateError' });
    await expect(start).rejects.toThrow('its comment is "mine"');
    expect(await namespace.run('nft', ['list', 'ruleset'])).toBe(before);
  });

  it('that was made without an owner says so, and is watched instead: what others do to it is repaired', async () => {
    await namespace.nft('add table inet nftproxy { comment "nftproxy data plane"; }');
    const dataPlane = open();
    await dataPlane.start(services, plainNode);
    expect(logs.join('')).toContain('made without an owner');
    expect(await dataPlane.verify()).toBe('intact');
    await namespace.nft('add table inet unrelated');
    expect(await dataPlane.verify()).toBe('intact');
    await namespace.nft('add table inet nftproxy { flags dormant; }');
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(services, plainNode);
    expect(await namespace.run('nft', ['list', 'table', 'inet', 'nftproxy'])).not.toContain('dormant');
    expect(await dataPlane.verify()).toBe('intact');
    await namespace.nft('add chain inet nftproxy prerouting { type nat hook prerouting priority -100; policy drop; }');
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(services, plainNode);
    expect(await namespace.run('nft', ['list', 'table', 'inet', 'nftproxy'])).not.toContain('policy drop');
    await namespace.nft('delete table inet nftproxy');
    // Our own commit right after theirs does not hide it.
    await dataPlane.apply(byId([servicePort(4)])).catch(() => undefined);
    expect(await dataPlane.verify()).toBe('changed');
    await dataPlane.start(services, plainNode);
    expect(await forwarded(dataPlane, 1)).toEqual(['10.244.0.1:8080']);
    expect(await dataPlane.verify()).toBe('intact');
    await namespace.nft('delete table inet unrelated');
    expect(await dataPlane.verify()).toBe('intact');
  });
});
