import { describe, expect, it } from 'vitest';
import { readSections, readTraffic } from './answers.ts';
import { readCounts } from './counts.ts';
import { sectionId } from './latency.ts';
import { parseSectionName } from './section.ts';

const name = '4.http.random.0.1';
const frontends = (row: string): string => `# pxname,svname,status,mode,hrsp_2xx,scur,stot,req_tot,\n${row}\n`;

function serversOf(...rows: readonly string[]): string[] {
  const servers = `1\n# be_name srv_name srv_addr srv_admin_state srv_uweight srv_port\n${rows.join('\n')}\n`;
  const found = readSections({ servers, frontends: frontends(`${name},FRONTEND,OPEN,http,,,,`), configuration: '' });
  return [...(found.get(name)?.servers.keys() ?? [])];
}

describe('of what HAProxy says of its servers', () => {
  it('what makes sense is taken over', () => {
    expect(serversOf(`${name} 10.1.0.1_80 10.1.0.1 0 1 80`, `${name} 10.1.0.2_80 10.1.0.2 1 256 80`)).toEqual([
      '10.1.0.1_80',
      '10.1.0.2_80',
    ]);
  });

  it.each([
    ['no address', `${name} x <NONE> 0 1 80`],
    ['an address of the other family', `${name} x fd00::1 0 1 80`],
    ['a port that is none', `${name} x 10.1.0.1 0 1 70000`],
    ['a port that is no number', `${name} x 10.1.0.1 0 1 -`],
    ['more weight than there is', `${name} x 10.1.0.1 0 257 80`],
    ['half a row', `${name} x 10.1.0.1`],
  ])('a server with %s does not get into the next configuration', (_story, row) => {
    expect(serversOf(row)).toEqual([]);
  });
});

it.each(['4.http.random.0.01', '4.http.random.1e9.0', `4.http.random.${'9'.repeat(30)}.0`, '4.http.random.0.99999999'])(
  '%s is no section of ours: it is not called so, or could listen nowhere',
  (each) => {
    expect(parseSectionName(each)).toBeUndefined();
  },
);

describe('a count that makes no sense', () => {
  it('counts as none: it would stay in every total', () => {
    const odd = frontends(`${name},FRONTEND,OPEN,http,nonsense,-3,,1e400,`);
    expect(readCounts({ latencies: '', frontends: odd }).get(name)?.answers['2xx']).toBe(0);
    expect(readTraffic(odd)).toMatchObject([{ open: 0, total: 0 }]);
  });

  it('is in no bucket of how long answers took', () => {
    const id = sectionId(parseSectionName(name)!);
    const row = (key: string): string => `0x7f: key=${key} use=0 gpc0=5 gpc1=7\n`;
    const latencies = row(String(id * 14)) + row('9'.repeat(400)) + row('-1');
    const found = readCounts({ latencies, frontends: frontends(`${name},FRONTEND,OPEN,http,1,,,,`) });
    expect(found.get(name)?.latencies).toEqual({
      counts: [5, ...Array<number>(13).fill(0)],
      sums: [7, ...Array<number>(13).fill(0)],
    });
  });
});
