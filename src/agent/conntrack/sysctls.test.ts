import { describe, expect, test } from 'vitest';
import { applyConntrackSysctls, type ConntrackSysctls } from './sysctls.ts';

/** kube-proxy's defaults. */
const defaults: ConntrackSysctls = {
  maxPerCore: 32768,
  min: 131072,
  tcpEstablishedSeconds: 86400,
  tcpCloseWaitSeconds: 3600,
  tcpBeLiberal: false,
  udpSeconds: 0,
  udpStreamSeconds: 0,
};

const proc = '/proc/sys/net/netfilter/nf_conntrack_';
const hashsize = '/sys/module/nf_conntrack/parameters/hashsize';

/** A machine with a kernel's usual values. */
function machine(cores: number, o: { values?: Record<string, string>; failing?: Record<string, string> } = {}) {
  const values: Record<string, string> = {
    [hashsize]: '16384\n',
    [`${proc}max`]: '65536\n',
    [`${proc}tcp_timeout_established`]: '432000\n',
    [`${proc}tcp_timeout_close_wait`]: '60\n',
    [`${proc}tcp_be_liberal`]: '0\n',
    [`${proc}udp_timeout`]: '30\n',
    [`${proc}udp_timeout_stream`]: '120\n',
    ...o.values,
  };
  const writes: string[] = [];
  const fail = (path: string, when: 'read' | 'write') => {
    const code = o.failing?.[path];
    if (code !== undefined && (code === 'ENOENT') === (when === 'read')) throw Object.assign(new Error(code), { code });
  };
  const files = {
    read: (path: string) => {
      fail(path, 'read');
      return values[path]!;
    },
    write: (path: string, text: string) => {
      fail(path, 'write');
      writes.push(`${path.replace(proc, '')}=${text}`);
      values[path] = `${text}\n`;
    },
  };
  return { machine: { files, cores }, writes };
}

describe('conntrack sysctls', () => {
  test('the defaults on 8 cores', () => {
    const { machine: eight, writes } = machine(8);
    const result = applyConntrackSysctls(defaults, eight);
    expect(writes).toEqual([
      `${hashsize}=65536`,
      'max=262144',
      'tcp_timeout_established=86400',
      'tcp_timeout_close_wait=3600',
    ]);
    expect(result.warnings).toEqual([]);
    expect(result.changed[1]).toEqual({ name: 'net.netfilter.nf_conntrack_max', from: 65536, to: 262144 });
  });

  test('nothing is written twice', () => {
    const { machine: eight, writes } = machine(8);
    applyConntrackSysctls(defaults, eight);
    writes.length = 0;
    expect(applyConntrackSysctls(defaults, eight)).toEqual({ changed: [], warnings: [] });
    expect(writes).toEqual([]);
  });

  test.each([
    ['the floor counts on few cores', 2, {}, 131072],
    ['the cap counts on many', 64, {}, 1_048_576],
    ['a floor above the cap is what somebody asked for', 64, { min: 4_000_000 }, 4_000_000],
  ])('%s', (_title, cores, o, expected) => {
    const { machine: some, writes } = machine(cores);
    applyConntrackSysctls({ ...defaults, ...o }, some);
    expect(writes).toContain(`max=${expected}`);
    expect(writes).toContain(`${hashsize}=${expected / 4}`);
  });

  test('zero leaves each value alone', () => {
    const { machine: some, writes } = machine(8);
    applyConntrackSysctls({ ...defaults, maxPerCore: 0, tcpEstablishedSeconds: 0, tcpCloseWaitSeconds: 0 }, some);
    expect(writes).toEqual([]);
  });

  test('the number of entries follows the configuration down, the buckets stay', () => {
    const { machine: some, writes } = machine(8, { values: { [`${proc}max`]: '2000000', [hashsize]: '500000' } });
    applyConntrackSysctls({ ...defaults, tcpEstablishedSeconds: 0, tcpCloseWaitSeconds: 0 }, some);
    expect(writes).toEqual(['max=262144']);
  });

  test('liberal TCP and UDP time-outs if asked for', () => {
    const { machine: some, writes } = machine(8);
    const quiet = { ...defaults, maxPerCore: 0, tcpEstablishedSeconds: 0, tcpCloseWaitSeconds: 0 };
    applyConntrackSysctls({ ...quiet, tcpBeLiberal: true, udpSeconds: 10, udpStreamSeconds: 60.4 }, some);
    expect(writes).toEqual(['tcp_be_liberal=1', 'udp_timeout=10', 'udp_timeout_stream=60']);
  });

  test('what cannot be set is said with the way to do it by hand, and the rest is set', () => {
    const { machine: some, writes } = machine(8, {
      failing: { [hashsize]: 'EROFS', [`${proc}max`]: 'EACCES', [`${proc}tcp_timeout_established`]: 'ENOENT' },
    });
    const { warnings } = applyConntrackSysctls(defaults, some);
    expect(warnings.map((warning) => warning.message)).toEqual([
      `cannot set ${hashsize} to 65536: the file system is read-only for the agent (EROFS); ` +
        `to set it by hand on the node: echo 65536 > ${hashsize}`,
      'cannot set net.netfilter.nf_conntrack_max to 262144: the agent may not write it (EACCES); ' +
        'to set it by hand on the node: sysctl -w net.netfilter.nf_conntrack_max=262144',
      'cannot set net.netfilter.nf_conntrack_tcp_timeout_established to 86400: this kernel, or this network ' +
        'namespace, does not have it; is the module nf_conntrack loaded? (ENOENT); ' +
        'to set it by hand on the node: sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=86400',
    ]);
    expect(writes).toEqual(['tcp_timeout_close_wait=3600']);
  });
});
