import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askSocket, HaproxyError, readFields, readTable } from './cli-socket.ts';
import {
  configurationFile,
  configurationText,
  masterSocket,
  readSlowStarts,
  serverText,
  workerSocket,
} from './configuration.ts';
import { latencyMapFile, latencyMapText } from './latency.ts';
import { parseSectionName, sectionName, serverName } from './section.ts';
import type { Section, Server } from './section.ts';
import { identityOf, Worker } from './worker.ts';

/** Is there from before a configuration is written that has to be read until it has been. */
const dueFile = 'reload-due';

/** Who answers at the socket. */
export interface HaproxyInfo {
  /** `3.0.11-1+deb13u5` */
  readonly version: string;
  readonly pid: number;
  /** {@link Worker.identity} */
  readonly identity: string;
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

/** How long a master that does not listen is asked again, and how often. */
const masterMilliseconds = 3000;
const againMilliseconds = 50;

type Named = Pick<Section, 'kind' | 'number'>;

/** One HAProxy that runs with a master (`-W -S`), by the sockets in its folder. All throw HaproxyError. */
export class HaproxyRuntime {
  readonly #directory: string;
  readonly #seenFrom: string;

  /**
   * @param directory of configuration and sockets, as this process sees it
   * @param seenFrom the same, as HAProxy sees it
   */
  constructor(directory: string, seenFrom = directory) {
    this.#directory = directory;
    this.#seenFrom = seenFrom;
  }

  async info(): Promise<HaproxyInfo> {
    const field = readFields(await this.#ask('show info'));
    return { version: field('Version'), pid: Number(field('Pid')), identity: identityOf(field) };
  }

  /** {@link Worker.follow}: the one that answers now. */
  follow(): Promise<Worker> {
    return Worker.follow(join(this.#directory, workerSocket));
  }

  /** All sections, by name. */
  async sections(): Promise<Map<string, SectionState>> {
    const servers = Map.groupBy(
      readTable(await this.#ask('show servers state'), ' '),
      (row) => row.get('be_name') ?? '',
    );
    const slowStarts = readSlowStarts(await this.#configuration());
    const found = new Map<string, SectionState>();
    // Type 1: frontends, so that sections without a server are there, too.
    for (const row of readTable(await this.#ask('show stat -1 1 -1'), ',')) {
      const name = row.get('pxname') ?? '';
      const section = parseSectionName(name);
      const states = (servers.get(name) ?? []).map((each) => serverState(each, slowStarts));
      if (!section) continue;
      const closed = row.get('status') === 'STOP';
      found.set(name, { ...section, closed, servers: new Map(states.map((each) => [serverName(each), each])) });
    }
    return found;
  }

  /** What all sections and servers have taken. */
  async traffic(): Promise<Traffic[]> {
    // Types 1 and 4: frontends and servers.
    return readTable(await this.#ask('show stat -1 5 -1'), ',').map(trafficOf);
  }

  /** Adds a server, or takes one that was leaving into use again. */
  async addServer(section: Named, server: Server, present: boolean): Promise<void> {
    const name = fullName(section, server);
    if (present) await this.setWeight(section, server);
    else await this.#tell(`add server ${name} ${serverText(server, section.kind.protocol)}`, /registered/);
    await this.#tell(`set server ${name} state ready`);
  }

  async setWeight(section: Named, server: Server): Promise<void> {
    await this.#tell(`set server ${fullName(section, server)} weight ${server.weight}`);
  }

  /** Gives a server nothing new: what it is answering it may finish. */
  async takeOut(section: Named, server: Server): Promise<void> {
    await this.#tell(`set server ${fullName(section, server)} state maint`);
  }

  /** Deletes a server that has been taken out. False while it has connections. */
  async deleteServer(section: Named, server: Server): Promise<boolean> {
    const answer = await this.#ask(`del server ${fullName(section, server)}`);
    if (/deleted|No such server/i.test(answer)) return true;
    if (/still has connections|cannot be deleted at runtime|idle/i.test(answer)) return false;
    throw new HaproxyError(`HAProxy refuses "del server ${fullName(section, server)}": ${answer}`);
  }

  /** Has a section listen no more. Connections go on; those of HTTP are ended as soon as nothing is under way on them. */
  async close(section: Named): Promise<void> {
    await this.#tell(`shutdown frontend ${sectionName(section)}`);
  }

  /** Whether a configuration has been written. */
  hasConfiguration(): Promise<boolean> {
    return this.#isThere(configurationFile);
  }

  #isThere(name: string): Promise<boolean> {
    return stat(join(this.#directory, name)).then(
      () => true,
      () => false,
    );
  }

  /** Writes the configuration, whole or not at all: with what HAProxy begins when it starts next or reloads. */
  async write(sections: Iterable<Section>, threads: number): Promise<void> {
    // What the configuration names is there when it is.
    await this.#writeFile(latencyMapFile, latencyMapText());
    await this.#writeFile(configurationFile, configurationText({ directory: this.#seenFrom, threads, sections }));
  }

  /** As it was written last; empty if none was. */
  async #configuration(): Promise<string> {
    return (await this.hasConfiguration()) ? readFile(join(this.#directory, configurationFile), 'utf8') : '';
  }

  async #writeFile(name: string, text: string): Promise<void> {
    const path = join(this.#directory, name);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }

  /**
   * Puts down that the configuration has to be read again, for whoever comes after this process, too: it says what HAProxy cannot be
   * asked for, and would be taken for what HAProxy has. To be told before it is written.
   */
  async dueReload(): Promise<void> {
    await this.#writeFile(dueFile, '');
  }

  /** Whether a reload is due that has not been made, or has failed. */
  isReloadDue(): Promise<boolean> {
    return this.#isThere(dueFile);
  }

  /** Has HAProxy read the configuration that was written last. The old worker goes on with its connections. */
  async reload(): Promise<void> {
    const answer = await this.#askMaster('reload');
    if (!answer.startsWith('Success=1')) throw new HaproxyError(`HAProxy refuses its configuration: ${answer}`);
    await rm(join(this.#directory, dueFile), { force: true });
  }

  /** A master that has just started, or reloaded, is another program for a moment, and listens anew. */
  async #askMaster(command: string): Promise<string> {
    for (let patience = masterMilliseconds; ; patience -= againMilliseconds) {
      try {
        return await askSocket(join(this.#directory, masterSocket), command);
      } catch (error) {
        if (!(error instanceof HaproxyError) || !error.refused || patience <= 0) throw error;
        await sleep(againMilliseconds);
      }
    }
  }

  #ask(command: string): Promise<string> {
    return askSocket(join(this.#directory, workerSocket), command);
  }

  /** @throws HaproxyError unless the answer is empty or is `good` */
  async #tell(command: string, good = /^$/): Promise<void> {
    const answer = await this.#ask(command);
    if (answer !== '' && !good.test(answer)) throw new HaproxyError(`HAProxy refuses "${command}": ${answer}`);
  }
}

function fullName(section: Named, server: Server): string {
  return `${sectionName(section)}/${serverName(server)}`;
}

/** Bits of srv_admin_state that say that somebody has taken the server out (SRV_ADMF_FMAINT, management guide, 9.3). */
const forcedMaintenance = 1;

function serverState(row: Map<string, string>, slowStarts: ReadonlyMap<string, number>): ServerState {
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

function trafficOf(row: Map<string, string>): Traffic {
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
