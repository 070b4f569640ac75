import type { Section, Server } from './section.ts';

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

/** Bits of srv_admin_state that say that somebody has taken the server out (SRV_ADMF_FMAINT, management guide, 9.3). */
const forcedMaintenance = 1;

/** A row of `show servers state`. */
export function serverState(row: Map<string, string>, slowStarts: ReadonlyMap<string, number>): ServerState {
  const number = (name: string) => Number(row.get(name));
  const slowStartSeconds = slowStarts.get(`${row.get('be_name') ?? ''}/${row.get('srv_name') ?? ''}`);
  return {
    ...(slowStartSeconds !== undefined && { slowStartSeconds }),
    address: row.get('srv_addr') ?? '',
    port: number('srv_port'),
    weight: number('srv_uweight'),
    leaving: (number('srv_admin_state') & forcedMaintenance) !== 0,
  };
}

/** A row of `show stat`. */
export function trafficOf(row: Map<string, string>): Traffic {
  const number = (name: string) => Number(row.get(name) ?? 0);
  const server = row.get('svname') ?? '';
  const isSection = server === 'FRONTEND';
  return {
    section: row.get('pxname') ?? '',
    server: isSection ? undefined : server,
    open: number('scur'),
    total: isSection && row.get('mode') === 'http' ? number('req_tot') : number('stot'),
  };
}
