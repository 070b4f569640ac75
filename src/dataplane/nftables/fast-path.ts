import { linkChangeOf, linkGroup, links, NetlinkError, RequestQueue } from '../../netlink/index.ts';
import type { Link, NetlinkListener, OpenTransport } from '../../netlink/index.ts';
import { CommitError, probeFlowtables } from '../../nftables/index.ts';
import { describeError } from '../../runtime/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { FastPathState, NodeSettings } from '../data-plane.ts';
import type { FastPathHost } from './fast-path-host.ts';
import { flowtableName } from './fast-path-rules.ts';
import type { TableSocket } from './table-socket.ts';

/**
 * Devices in one transaction. The kernel takes 256 (NFT_NETDEVICE_MAX), but has to fit a message about them into a page for
 * those who listen.
 */
const devicesAtOnce = 64;
/** How often it is looked for what a kernel lacks: it tries to load modules each time. */
const lookMilliseconds = 30_000;

/**
 * The flowtable's devices: all interfaces of the node through which packets of connections come in, followed as pods come
 * and go. What is part of a bridge or bond is left out: its packets come in through that, too. A device that goes leaves
 * the flowtable by itself.
 *
 * Without a device nothing is lost but speed: packets that come in there pass all chains.
 */
export class FastPath {
  readonly #tables: TableSocket;
  readonly #host: FastPathHost;
  readonly #log: Logger;
  #supported = false;
  #wanted = false;
  #missing: string | undefined;
  #nextLook = 0;
  /** One look after the other. */
  readonly #looks = new RequestQueue();
  #socket: OpenTransport | undefined;
  #listener: NetlinkListener | undefined;
  /** Interfaces that are to be in the flowtable, by number. */
  readonly #links = new Map<number, Link>();
  /** Those that are in it, by number: under which name. */
  readonly #added = new Map<number, string>();
  #missed = true;
  #told: string | undefined;

  constructor(o: { tables: TableSocket; host: FastPathHost; log: Logger }) {
    this.#tables = o.tables;
    this.#host = o.host;
    this.#log = o.log;
  }

  /** How many devices the flowtable has. */
  get devices(): number {
    return this.#added.size;
  }

  /** As the last settings ask for it, see `possible`; undefined: they ask for none. */
  get state(): FastPathState | undefined {
    if (!this.#wanted) return undefined;
    return this.#missing === undefined ? { devices: this.devices } : { missing: this.#missing };
  }

  /** What the kernel lacks, for people; undefined if nothing. Tried out until it is there. Rejects with NetlinkError. */
  async missing(): Promise<string | undefined> {
    this.#supported ||= await probeFlowtables(this.#tables.socket);
    if (!this.#supported) return 'this kernel has no flowtables (module nf_flow_table_inet)';
    return this.#host.keepIdle();
  }

  /** Settings that are to be in force, as far as this kernel can do them. Rejects with NetlinkError. */
  async possible(node: NodeSettings): Promise<NodeSettings> {
    this.#missing = node.fastPath === true ? await this.missing() : undefined;
    this.#wanted = node.fastPath === true;
    return this.#missing === undefined ? node : withoutFastPath(node);
  }

  /**
   * To be called now and then: follows the node, and says whether `possible` would answer otherwise now. What a kernel lacks
   * is looked for twice a minute.
   */
  async isOutdated(): Promise<boolean> {
    if (!this.#wanted) return false;
    if (this.#missing === undefined) {
      // Conntrack may have been told another time.
      if (this.#host.keepIdle() !== undefined) return true;
      await this.follow();
      return false;
    }
    if (performance.now() < this.#nextLook) return false;
    this.#nextLook = performance.now() + lookMilliseconds;
    return (await this.missing()) === undefined;
  }

  /** To be called once the flowtable is there, whoever made it: it gets all devices, and those that come from now on. */
  begin(): Promise<void> {
    this.#missed = true;
    return this.follow();
  }

  /** There is no flowtable any more. */
  end(): void {
    this.#listener?.close();
    this.#socket?.close();
    this.#listener = this.#socket = undefined;
    this.#links.clear();
    this.#added.clear();
  }

  /** Adds the devices that have come since the last call. What cannot be added is told in the log and tried again. */
  follow(): Promise<void> {
    return this.#looks.run(() => this.#follow());
  }

  async #follow(): Promise<void> {
    try {
      if (this.#missed) await this.#lookAtAll();
      else this.#hear();
      await this.#add();
      this.#told = undefined;
    } catch (error) {
      this.#missed = true;
      this.#tell(error);
    }
  }

  async #lookAtAll(): Promise<void> {
    this.#socket ??= this.#host.openLinks();
    this.#listener ??= this.#socket.listen(linkGroup);
    this.#hear();
    this.#missed = false;
    this.#links.clear();
    this.#added.clear();
    for (const link of await links(this.#socket)) this.#note(link);
  }

  #hear(): void {
    try {
      for (const message of this.#listener?.answers() ?? []) {
        const change = linkChangeOf(message);
        if (!change) continue;
        if ('gone' in change) this.#forget(change.gone);
        else this.#note(change.link);
      }
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== 'ENOBUFS') throw error;
      this.#missed = true;
    }
  }

  #note(link: Link): void {
    if (link.loopback || link.master !== undefined) this.#links.delete(link.number);
    else this.#links.set(link.number, link);
  }

  #forget(number: number): void {
    this.#links.delete(number);
    this.#added.delete(number);
  }

  async #add(): Promise<void> {
    const wanted = [...this.#links.values()].filter(({ number, name }) => this.#added.get(number) !== name);
    for (let first = 0; first < wanted.length; first += devicesAtOnce) {
      await this.#addTogether(wanted.slice(first, first + devicesAtOnce));
    }
  }

  /** One of them may be gone already: then one by one. */
  async #addTogether(added: readonly Link[]): Promise<void> {
    try {
      await this.#commit(added);
    } catch (error) {
      if (!isGone(error)) throw error;
      if (added.length > 1) for (const link of added) await this.#addTogether([link]);
    }
  }

  async #commit(added: readonly Link[]): Promise<void> {
    const devices = added.map(({ name }) => name);
    await this.#tables.commit(this.#tables.transaction().addFlowtable({ name: flowtableName, devices }));
    for (const { number, name } of added) this.#added.set(number, name);
  }

  #tell(error: unknown): void {
    const text = describeError(error);
    if (text === this.#told) return;
    this.#told = text;
    this.#log.warn('cannot add devices to the fast path; packets from there pass all chains, as without it', { error });
  }
}

/** The same without what is asked for in vain. */
export function withoutFastPath(node: NodeSettings): NodeSettings {
  const rest: { -readonly [Key in keyof NodeSettings]: NodeSettings[Key] } = { ...node };
  delete rest.fastPath;
  return rest;
}

/** ENOENT: there is no such device, in this network namespace. */
function isGone(error: unknown): boolean {
  return error instanceof CommitError && error.code === 'ENOENT';
}
