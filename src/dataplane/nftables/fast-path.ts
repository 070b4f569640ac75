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
 * the flowtable by itself, or is taken out where the kernel keeps its name.
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
  /** What `possible` found missing last. */
  #lack: string | undefined;
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
  /** Interfaces have gone, or become part of others. */
  #fewer = true;
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

  /** As the settings in force ask for it; undefined: they ask for none. */
  get state(): FastPathState | undefined {
    if (!this.#wanted) return undefined;
    return this.#missing === undefined ? { devices: this.devices } : { missing: this.#missing };
  }

  /** Settings that are to be in force, as far as this kernel can do them; see `settle`. Rejects with NetlinkError. */
  async possible(node: NodeSettings): Promise<NodeSettings> {
    this.#lack = node.fastPath === true ? await this.#lacking(this.#host.keepIdle) : undefined;
    return this.#lack === undefined ? node : withoutFastPath(node);
  }

  /** The same for a preview, which sets nothing on the node. */
  async previewed(node: NodeSettings): Promise<NodeSettings> {
    const lack = node.fastPath === true ? await this.#lacking(this.#host.mayKeepIdle) : undefined;
    return lack === undefined ? node : withoutFastPath(node);
  }

  /**
   * Settings are in force: those that were `wanted`, as `possible` has made them. Where connections take the fast path, the
   * flowtable is there, whoever made it.
   */
  async settle(wanted: NodeSettings, inForce: NodeSettings): Promise<void> {
    this.#wanted = wanted.fastPath === true;
    this.#missing = this.#wanted && inForce.fastPath !== true ? this.#lack : undefined;
    this.#missed = true;
    if (inForce.fastPath === true) await this.follow();
    else this.end();
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
    return (await this.#lacking(this.#host.keepIdle)) === undefined;
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

  /** What the kernel lacks, for people; undefined if nothing. Tried out until it is there. Rejects with NetlinkError. */
  async #lacking(keepIdle: FastPathHost['keepIdle']): Promise<string | undefined> {
    this.#supported ||= await probeFlowtables(this.#tables.socket);
    return this.#supported ? keepIdle() : 'this kernel has no flowtables (module nf_flow_table_inet)';
  }

  async #follow(): Promise<void> {
    try {
      await this.#look();
      if (this.#fewer) await this.#takeOut();
      await this.#add();
      this.#told = undefined;
    } catch (error) {
      this.#tell(error);
    }
  }

  async #look(): Promise<void> {
    try {
      if (this.#missed) await this.#lookAtAll();
      else this.#hear();
    } catch (error) {
      this.#missed = true;
      throw error;
    }
  }

  async #lookAtAll(): Promise<void> {
    this.#socket ??= this.#host.openLinks();
    this.#listener ??= this.#socket.listen(linkGroup);
    this.#hear();
    this.#missed = false;
    this.#fewer = true;
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
    if (link.loopback || link.master !== undefined) this.#forget(link.number);
    else {
      if ((this.#links.get(link.number)?.name ?? link.name) !== link.name) this.#fewer = true;
      this.#links.set(link.number, link);
    }
  }

  #forget(number: number): void {
    if (this.#links.delete(number)) this.#fewer = true;
    this.#added.delete(number);
  }

  /** What the flowtable has and no interface of ours is called: kernels since 6.16 keep names of those that are gone. */
  async #takeOut(): Promise<void> {
    const { socket, table } = this.#tables;
    const names = new Set([...this.#links.values()].map(({ name }) => name));
    const [flowtable] = (await socket.flowtables(table)).filter(({ name }) => name === flowtableName);
    const left = (flowtable?.devices ?? []).filter((device) => !names.has(device));
    for (let first = 0; first < left.length; first += devicesAtOnce) {
      const devices = left.slice(first, first + devicesAtOnce);
      await this.#tables.commit(this.#tables.transaction().deleteFlowtableDevices({ name: flowtableName, devices }));
    }
    this.#fewer = false;
  }

  /** All that can be added is, whatever cannot. */
  async #add(): Promise<void> {
    const wanted = [...this.#links.values()].filter(({ number, name }) => this.#added.get(number) !== name);
    const failures: unknown[] = [];
    for (let first = 0; first < wanted.length; first += devicesAtOnce) {
      await this.#addTogether(wanted.slice(first, first + devicesAtOnce), failures);
    }
    if (failures.length > 0) throw failures[0];
  }

  /** One that the kernel does not take keeps no other. What is gone already is no failure. */
  async #addTogether(added: readonly Link[], failures: unknown[]): Promise<void> {
    try {
      await this.#commit(added);
    } catch (error) {
      if (added.length > 1) for (const link of added) await this.#addTogether([link], failures);
      else if (!isGone(error)) failures.push(error);
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
function withoutFastPath(node: NodeSettings): NodeSettings {
  const rest: { -readonly [Key in keyof NodeSettings]: NodeSettings[Key] } = { ...node };
  delete rest.fastPath;
  return rest;
}

/** ENOENT: there is no such device, in this network namespace. */
function isGone(error: unknown): boolean {
  return error instanceof CommitError && error.code === 'ENOENT';
}
