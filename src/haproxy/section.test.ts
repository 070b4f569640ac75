import { describe, expect, it } from 'vitest';
import { configurationText } from './configuration.ts';
import { latencyBounds, latencyMapText, readLatencies, sectionId } from './latency.ts';
import { listenerOf, parseSectionName, sectionName } from './section.ts';
import type { SectionKind } from './section.ts';

const kind: SectionKind = { family: 4, protocol: 'http', balance: 'leastconn', affinitySeconds: 0 };
const textOf = (...sections: Parameters<typeof configurationText>[0]['sections'][]) =>
  configurationText({ directory: '/run/x', threads: 2, sections: sections.flatMap((each) => [...each]) });

describe('a section', () => {
  it('is known again by its name, whatever its kind', () => {
    const kinds: SectionKind[] = [
      kind,
      { family: 6, protocol: 'h2c', balance: 'hdr-x-user-id', affinitySeconds: 0 },
      { family: 6, protocol: 'tcp', balance: 'source', affinitySeconds: 10_800 },
    ];
    for (const [number, each] of kinds.entries()) {
      expect(parseSectionName(sectionName({ kind: each, number }))).toEqual({ kind: each, number });
    }
    expect(['GLOBAL', 'http', '4.http.first.0.1', '5.http.random.0.1'].map(parseSectionName)).toEqual(
      Array(4).fill(undefined),
    );
  });

  it('listens where no other one of its family does, and never at the addresses that networks have', () => {
    const places = Array.from({ length: 3000 }, (_, number) => {
      const { address, port } = listenerOf({ kind, number });
      return `${address}:${port}`;
    });
    expect(new Set(places).size).toBe(3000);
    expect(places.slice(0, 1)).toEqual(['169.254.78.1:61780']);
    expect(places.slice(253, 255)).toEqual(['169.254.78.254:61780', '169.254.78.1:61781']);
    expect(listenerOf({ kind: { ...kind, family: 6 }, number: 253 }).address).toBe('fd6e:6674:7078:4e::fe');
  });

  it('of HTTP sends nothing a second time that may matter; of TCP knows nothing of requests', () => {
    const http = textOf([{ kind, number: 0, servers: new Map() }]);
    expect(http).toContain('disable-l7-retry unless METH_GET');
    const tcp = textOf([{ kind: { ...kind, protocol: 'tcp' }, number: 0, servers: new Map() }]);
    expect(tcp).toContain('  mode tcp\n');
    expect(tcp).not.toMatch(/forwardfor|retry-on/);
  });

  it('of HTTP counts how long answers take, in rows of its own: each answer in one bucket, whatever it took', () => {
    const all = ([4, 6] as const).flatMap((family) =>
      [0, 1, 2].map((number) => ({ kind: { ...kind, family }, number })),
    );
    expect(new Set(all.map(sectionId)).size).toBe(6);
    const text = textOf(all.map((each) => ({ ...each, servers: new Map() })));
    const size = latencyBounds.length + 1;
    expect(text).toContain(`table latencies type integer size ${6 * size} store gpc(2)`);
    const bases = [...text.matchAll(/map_int_int\(\/run\/x\/latencies.map\),add\((\d+)\)/g)].map(([, base]) =>
      Number(base),
    );
    expect(bases).toEqual(all.map((each) => size * sectionId(each)));
    const lines = latencyMapText().trimEnd().split('\n');
    const ranges = lines.map((line) => /^(\d+):(\d*) (\d+)$/.exec(line)?.slice(1) ?? []);
    expect(ranges.map(([, , bucket]) => bucket)).toEqual([...Array(size).keys()].map(String));
    expect(ranges.map(([from]) => from)).toEqual(['0', ...ranges.slice(0, -1).map(([, to]) => String(Number(to) + 1))]);
    expect(ranges.map(([, to]) => to)).toEqual([...latencyBounds.map((bound) => String(bound * 1e6)), '']);
    expect(textOf([{ kind: { ...kind, protocol: 'tcp' }, number: 0, servers: new Map() }])).not.toContain('map_int');
  });

  it('does not change what HAProxy says of the version that has written its configuration', () => {
    const description = (text: string) => /^ {2}description nftproxy [0-9a-f]{12}$/m.exec(text)?.[0];
    const none = description(textOf());
    expect(none).toBeDefined();
    expect(description(textOf([{ kind, number: 7, servers: new Map() }]))).toBe(none);
  });

  it('has its row read for it', () => {
    const row = (id: number, bucket: number, count: number) =>
      `0x7f: key=${id * (latencyBounds.length + 1) + bucket} use=0 exp=0 shard=0 gpc0=${count} gpc1=${10 * count}`;
    const read = readLatencies(['# table: x', row(3, 0, 7), row(4, 13, 5), row(3, 2, 6)].join('\n'));
    expect(read.get(3)?.counts.slice(0, 4)).toEqual([7, 0, 6, 0]);
    expect(read.get(3)?.sums.slice(0, 4)).toEqual([70, 0, 60, 0]);
    expect(read.get(4)?.counts.at(-1)).toBe(5);
    expect(read.size).toBe(2);
  });

  it('chooses and remembers as its kind says', () => {
    const servers = new Map([['fd00::1_80', { address: 'fd00::1', port: 80, weight: 3 }]]);
    const text = textOf([
      { kind: { family: 6, protocol: 'h2c', balance: 'hdr-x-user', affinitySeconds: 60 }, number: 0, servers },
    ]);
    expect(text).toContain('  balance hdr(x-user)\n  hash-type consistent\n');
    expect(text).toContain('stick-table type ipv6 size 100k expire 60s\n  stick on src\n');
    expect(text).toContain('server fd00::1_80 [fd00::1]:80 weight 3 proto h2\n');
  });
});
