import { describe, expect, it } from 'vitest';
import { configurationText } from './configuration.ts';
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
