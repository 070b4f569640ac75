import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readInfo, readSections, readTraffic } from './answers.ts';
import type { HaproxyInfo, SectionState, Traffic } from './answers.ts';
import { askSocket, HaproxyError, reloadMilliseconds } from './cli-socket.ts';
import type { Patience } from './cli-socket.ts';
import * as commands from './commands.ts';
import type { NamedSection as Named } from './commands.ts';
import { configurationFile, configurationText, masterSocket, workerSocket } from './configuration.ts';
import { latencyMapFile, latencyMapText } from './latency.ts';
import type { Section, Server } from './section.ts';
import { Worker } from './worker.ts';

/** Is there from before a configuration is written that has to be read until it has been. */
const dueFile = 'reload-due';

/**
 * Who has not answered so simple a question for so long is silent. Twice what the longest answer took on two processors with 4, 16
 * and 64 busy processes besides (340 ms of 385 answers), in time in which this process could run.
 */
const silentMilliseconds = 700;

/** How long a master that does not listen is asked again, and how often. */
const masterMilliseconds = 3000;
const againMilliseconds = 50;

/** One HAProxy that runs with a master (`-W -S`), by the sockets in its folder. All throw HaproxyError. */
export class HaproxyRuntime {
  readonly #directory: string;
  readonly #seenFrom: string;
  #waiting = new AbortController();

  /**
   * @param directory of configuration and sockets, as this process sees it
   * @param seenFrom the same, as HAProxy sees it
   */
  constructor(directory: string, seenFrom = directory) {
    this.#directory = directory;
    this.#seenFrom = seenFrom;
  }

  /** Who answers, soon: who is silent for longer than a busy machine makes it is not there. */
  async info(): Promise<HaproxyInfo> {
    return readInfo(await this.#ask('show info', silentMilliseconds));
  }

  /** What is being asked is not waited for any more: it throws. What it has been told it may do later. */
  giveUp(): void {
    this.#waiting.abort();
    this.#waiting = new AbortController();
  }

  /** {@link Worker.follow}: the one that answers now. */
  follow(): Promise<Worker> {
    return Worker.follow(join(this.#directory, workerSocket));
  }

  /** All sections, by name. */
  async sections(): Promise<Map<string, SectionState>> {
    const servers = await this.#ask('show servers state');
    // Type 1: frontends, so that sections without a server are there, too.
    const frontends = await this.#ask('show stat -1 1 -1');
    return readSections({ servers, frontends, configuration: await this.#configuration() });
  }

  /** What all sections and servers have taken. */
  async traffic(): Promise<Traffic[]> {
    // Types 1 and 4: frontends and servers.
    return readTraffic(await this.#ask('show stat -1 5 -1'));
  }

  /** Adds a server, or takes one that was leaving into use again. */
  async addServer(section: Named, server: Server, present: boolean): Promise<void> {
    if (present) await this.setWeight(section, server);
    else await this.#tell(commands.add(section, server), /registered/);
    await this.#tell(commands.ready(section, server));
  }

  async setWeight(section: Named, server: Server): Promise<void> {
    await this.#tell(commands.weigh(section, server));
  }

  /** Gives a server nothing new: what it is answering it may finish. */
  async takeOut(section: Named, server: Server): Promise<void> {
    await this.#tell(commands.takeOut(section, server));
  }

  /** Deletes a server that has been taken out. False while it has connections. */
  async deleteServer(section: Named, server: Server): Promise<boolean> {
    const command = commands.remove(section, server);
    const answer = await this.#ask(command);
    if (/deleted|No such server/i.test(answer)) return true;
    if (/still has connections|cannot be deleted at runtime|idle/i.test(answer)) return false;
    throw new HaproxyError(`HAProxy refuses "${command}": ${answer}`);
  }

  /** Has a section listen no more. Connections go on; those of HTTP are ended as soon as nothing is under way on them. */
  async close(section: Named): Promise<void> {
    await this.#tell(commands.close(section));
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
   * asked for, and would be taken for what HAProxy has. To be told before it is written, or where another version has written it.
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
    const answer = await this.#askMaster('reload', { milliseconds: reloadMilliseconds, signal: this.#waiting.signal });
    if (!answer.startsWith('Success=1')) throw new HaproxyError(`HAProxy refuses its configuration: ${answer}`);
    await rm(join(this.#directory, dueFile), { force: true });
  }

  /** A master that has just started, or reloaded, is another program for a moment, and listens anew. */
  async #askMaster(command: string, patience: Patience): Promise<string> {
    for (let left = masterMilliseconds; ; left -= againMilliseconds) {
      try {
        return await askSocket(join(this.#directory, masterSocket), command, patience);
      } catch (error) {
        if (!(error instanceof HaproxyError) || !error.refused || left <= 0) throw error;
        await sleep(againMilliseconds);
      }
    }
  }

  #ask(command: string, milliseconds?: number): Promise<string> {
    const { signal } = this.#waiting;
    const patience = { signal, ...(milliseconds !== undefined && { milliseconds }) };
    return askSocket(join(this.#directory, workerSocket), command, patience);
  }

  /** @throws HaproxyError unless the answer is empty or is `good` */
  async #tell(command: string, good = /^$/): Promise<void> {
    const answer = await this.#ask(command);
    if (answer !== '' && !good.test(answer)) throw new HaproxyError(`HAProxy refuses "${command}": ${answer}`);
  }
}
