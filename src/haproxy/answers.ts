import { canonicalAddress, familyOf } from '../ip/index.ts';
import { numberIn, readFields, readTable } from './cli-socket.ts';
import { form, readSlowStarts } from './configuration.ts';
import { parseSectionName, serverName } from './section.ts';
import type { Section, Server } from './section.ts';

/*
 * What a worker says of itself, its sections and servers. What makes no sense is left out: it would be written into the next
 * configuration, or into totals, and stay there.
 */

/** Who answers at the socket. */
export interface HaproxyInfo {
  /** `3.0.11-1+deb13u5` */
  readonly version: string;
  readonly pid: number;
  /** {@link Worker.identity} */
  readonly identity: string;
  /** What it runs is such as this version of nftproxy writes. */
  readonly current: boolean;
}

/** A server as the running HAProxy has it. */
export interface ServerState extends Server {
  /** Out of use: it takes nothing new, and goes when its connections have ended. */
  readonly leaving: boolean;
}

/** A section as the running HAProxy has it. */
export interface SectionState extends Pick<Section, 'kind' | 'number'> {
  readonly servers: ReadonlyMap<string, ServerState>;
  /** It has been closed: it listens again after a reload. */
  readonly closed: boolean;
}

/** What a section or a server has taken since HAProxy was started. */
export interface Traffic {
  /** Name of the section. */
  readonly section: string;
  /** Name of the server; undefined: the section as a whole. */
  readonly server: string | undefined;
  /** Open connections; of a server in HTTP: requests that are being answered. */
  readonly open: number;
  readonly total: number;
}

/** The answer to `show info`. */
export function readInfo(answer: string): HaproxyInfo {
  const field = readFields(answer);
  const current = field('description') === form();
  return { version: field('Version'), pid: Number(field('Pid')), identity: identityOf(field), current };
}

/** {@link Worker.identity}, of what `show info` says. */
export function identityOf(field: (name: string) => string): string {
  return `${field('Pid')} ${field('Start_time_sec')}`;
}

/**
 * All sections by name, of the answers to `show servers state` and `show stat` (frontends), and of the configuration that was read:
 * it says what HAProxy does not.
 */
export function readSections(o: {
  servers: string;
  frontends: string;
  configuration: string;
}): Map<string, SectionState> {
  const servers = Map.groupBy(readTable(o.servers, ' '), (row) => row.get('be_name') ?? '');
  const slowStarts = readSlowStarts(o.configuration);
  const found = new Map<string, SectionState>();
  for (const row of readTable(o.frontends, ',')) {
    const name = row.get('pxname') ?? '';
    const section = parseSectionName(name);
    if (!section) continue;
    const states = (servers.get(name) ?? [])
      .map((each) => serverState(each, slowStarts))
      .filter((each) => isServer(each, section.kind));
    const closed = row.get('status') === 'STOP';
    found.set(name, { ...section, closed, servers: new Map(states.map((each) => [serverName(each), each])) });
  }
  return found;
}

/** The answer to `show stat` of frontends and servers. */
export function readTraffic(answer: string): Traffic[] {
  return readTable(answer, ',').map(trafficOf);
}

/** Bits of srv_admin_state that say that somebody has taken the server out (SRV_ADMF_FMAINT, management guide, 9.3). */
const forcedMaintenance = 1;

/** HAProxy's own limit is 256. */
const mostWeight = 256;

function serverState(row: ReadonlyMap<string, string>, slowStarts: ReadonlyMap<string, number>): ServerState {
  const slowStartSeconds = slowStarts.get(`${row.get('be_name') ?? ''}/${row.get('srv_name') ?? ''}`);
  return {
    ...(slowStartSeconds !== undefined && { slowStartSeconds }),
    address: row.get('srv_addr') ?? '',
    port: numberIn(row, 'srv_port'),
    weight: numberIn(row, 'srv_uweight'),
    leaving: (numberIn(row, 'srv_admin_state') & forcedMaintenance) !== 0,
  };
}

/** Whether such a server may be in a section: at a canonical address of its family, and so on. */
function isServer({ address, port, weight }: Server, { family }: Section['kind']): boolean {
  const isPlace = canonicalAddress(address) === address && familyOf(address) === family && port > 0 && port < 65_536;
  return isPlace && weight <= mostWeight;
}

function trafficOf(row: ReadonlyMap<string, string>): Traffic {
  const server = row.get('svname') ?? '';
  const isSection = server === 'FRONTEND';
  return {
    section: row.get('pxname') ?? '',
    server: isSection ? undefined : server,
    open: numberIn(row, 'scur'),
    total: numberIn(row, isSection && row.get('mode') === 'http' ? 'req_tot' : 'stot'),
  };
}
