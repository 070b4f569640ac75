import { createHash } from 'node:crypto';
import { placeText } from '../ip/index.ts';
import { latencyMapText, latencyRules, latencyTableLines } from './latency.ts';
import { listenerOf, proxiedProtocols, sectionName, serverName } from './section.ts';
import type { ProxiedProtocol, Section, SectionKind, Server } from './section.ts';

/** The folder of HAProxy's sockets and configuration, where agent and HAProxy both see it. */
export const haproxyDirectory = '/run/nftproxy/haproxy';
export const configurationFile = 'haproxy.cfg';
export const workerSocket = 'worker.sock';
/** Of the process that starts the workers (`-S`). */
export const masterSocket = 'master.sock';

/** Clients that a section remembers for affinity. */
const rememberedClients = '100k';

const protocolOptions: Readonly<Record<ProxiedProtocol, string>> = { tcp: '', http: '', h2c: ' proto h2' };

/** What follows a server's name, in the configuration and in `add server`. */
export function serverText(server: Server, protocol: ProxiedProtocol): string {
  const slowly = server.slowStartSeconds === undefined ? '' : ` slowstart ${server.slowStartSeconds}s`;
  return `${placeText(server)} weight ${server.weight}${protocolOptions[protocol]}${slowly}`;
}

/**
 * The whole configuration. It holds the servers too: whoever starts or reloads HAProxy has the endpoints of that moment.
 *
 * @param o.directory of the sockets
 * @param o.threads that HAProxy may use
 */
export function configurationText(o: Contents): string {
  return ['# Written by nftproxy; what is changed here is lost.', ...linesOf(o, `  description ${form()}`), ''].join(
    '\n',
  );
}

interface Contents {
  readonly directory: string;
  readonly threads: number;
  readonly sections: Iterable<Section>;
}

/**
 * Names what this version writes, whatever the sections: HAProxy says it of the configuration that it runs. Another version has
 * another one if it writes anything else.
 */
export function form(): string {
  return (known ??= `nftproxy ${createHash('sha256').update(sample()).digest('hex').slice(0, 12)}`);
}

let known: string | undefined;

/** All that a configuration may have. */
function sample(): string {
  const server: Server = { address: '10.0.0.1', port: 1, weight: 1, slowStartSeconds: 1 };
  const servers = new Map([[serverName(server), server]]);
  const kinds: SectionKind[] = proxiedProtocols.flatMap((protocol) => [
    { family: 4, protocol, balance: 'hdr-x', affinitySeconds: 1 },
    { family: 6, protocol, balance: 'source', affinitySeconds: 1 },
    { family: 4, protocol, balance: 'random', affinitySeconds: 0 },
  ]);
  const sections = kinds.map((kind, number) => ({ kind, number, servers }));
  return [...linesOf({ directory: '/', threads: 1, sections }), latencyMapText()].join('\n');
}

function linesOf(o: Contents, ...more: string[]): string[] {
  const sections = [...o.sections];
  return [
    'global',
    ...more,
    // Only the agent and HAProxy see the folder, and they are different users.
    `  stats socket ${o.directory}/${workerSocket} mode 666 level admin expose-fd listeners`,
    '  stats timeout 1h',
    `  nbthread ${o.threads}`,
    // A worker that was replaced stays until its connections end, but not for ever.
    '  hard-stop-after 24h',
    'defaults',
    '  timeout connect 3s',
    '  timeout client 1h',
    '  timeout server 1h',
    '  timeout tunnel 24h',
    // An endpoint that does not answer is given up at once, for the next one.
    '  retries 3',
    '  option redispatch 1',
    ...latencyTableLines(sections.length),
    ...sections.flatMap((section) => sectionLines(section, o.directory)),
  ];
}

/** Before a server that was taken out. */
const left = '# left: ';

function sectionLines(section: Section, directory: string): string[] {
  const { kind, servers, leaving } = section;
  const lineOf = (server: Server): string => `server ${serverName(server)} ${serverText(server, kind.protocol)}`;
  const { address, port } = listenerOf(section);
  return [
    `listen ${sectionName(section)}`,
    // Also before the range is this host's, and for IPv6, which has no addresses by routes alone.
    `  bind ${placeText({ address, port })} transparent`,
    ...(kind.protocol === 'tcp' ? ['  mode tcp'] : [...httpLines, ...latencyRules(section, directory)]),
    ...balanceLines(kind),
    ...[...servers.values()].map((server) => `  ${lineOf(server)}`),
    // For the agent that comes after this one.
    ...[...(leaving?.values() ?? [])].map((server) => `  ${left}${lineOf(server)}`),
  ];
}

const httpLines = [
  '  mode http',
  '  option forwardfor',
  // Who keeps a connection may be sending on it when it is to be closed: it is told with its next answer.
  '  option idle-close-on-response',
  // A request that was sent and not answered is sent again only if that cannot matter.
  '  retry-on conn-failure empty-response',
  '  http-request disable-l7-retry unless METH_GET',
];

function balanceLines({ family, balance, affinitySeconds }: SectionKind): string[] {
  const header = balance.startsWith('hdr-') ? balance.slice('hdr-'.length) : undefined;
  const hashed = header !== undefined || balance === 'source';
  const type = family === 4 ? 'ip' : 'ipv6';
  return [
    `  balance ${header === undefined ? balance : `hdr(${header})`}`,
    // Who has a server keeps it when others come and go.
    ...(hashed ? ['  hash-type consistent'] : []),
    ...(affinitySeconds === 0
      ? []
      : [`  stick-table type ${type} size ${rememberedClients} expire ${affinitySeconds}s`, '  stick on src']),
  ];
}

/** The seconds of slow start that servers of a configuration have, or had, by section and server: HAProxy does not say. */
export function readSlowStarts(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const section of text.split(/^listen /m).slice(1)) {
    const [name = ''] = section.split('\n', 1);
    for (const [, server = '', seconds] of section.matchAll(/^ {2}(?:# left: )?server (\S+) .* slowstart (\d+)s$/gm)) {
      found.set(`${name}/${server}`, Number(seconds));
    }
  }
  return found;
}
