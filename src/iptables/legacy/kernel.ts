import { errnoName, hostIsLittleEndian, lastErrno, libc, memory, NetlinkError } from '../../netlink/index.ts';
import { counterLength } from './table.ts';
import type { Rebuilt, TableBlob } from './table.ts';

/*
 * Tables of legacy iptables are read and written as a whole by getsockopt and setsockopt, from any socket of the family,
 * with CAP_NET_ADMIN. Source: linux/netfilter_ipv4/ip_tables.h and linux/netfilter_ipv6/ip6_tables.h (same numbers).
 */
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const protocols = { 4: { domain: 2, level: 0 }, 6: { domain: 10, level: 41 } } as const;
const IPT_SO_GET_INFO = 64;
const IPT_SO_GET_ENTRIES = 65;
const IPT_SO_SET_REPLACE = 64;
const IPT_SO_SET_ADD_COUNTERS = 65;
/** struct ipt_getinfo */
const info = { validHooks: 32, hookEntry: 36, underflow: 56, entries: 76, size: 80, length: 84 } as const;
/** struct ipt_get_entries: name and size before the entries, which begin at a multiple of eight. */
const getEntries = { size: 32, entries: 40 } as const;
/** struct ipt_replace */
const replace = {
  ...{ validHooks: 32, numEntries: 36, size: 40, hookEntry: 44, underflow: 64 },
  ...{ numCounters: 84, counters: 88, entries: 96 },
} as const;
/** struct xt_counters_info */
const counters = { number: 32, values: 40 } as const;
const hookCount = 5;

/** The tables of one family in the network namespace in which it was opened. Methods throw NetlinkError. */
export class LegacyTables implements Disposable {
  readonly family: 4 | 6;
  readonly #socket: number;

  /** Throws NetlinkError; code EAFNOSUPPORT where the host has no such family. */
  constructor(family: 4 | 6) {
    this.family = family;
    this.#socket = libc.socket(protocols[family].domain, SOCK_DGRAM_CLOEXEC, 0);
    if (this.#socket === -1) throw failure('open a socket for legacy iptables');
  }

  /** Reads a table; the kernel makes it if it is not in use yet. */
  read(name: string): TableBlob {
    const about = this.#get(IPT_SO_GET_INFO, named(name, info.length), name);
    const numbers = (start: number): number[] =>
      Array.from({ length: hookCount }, (_value, hook) => about.getUint32(start + 4 * hook, hostIsLittleEndian));
    const size = about.getUint32(info.size, hostIsLittleEndian);
    const question = named(name, getEntries.entries + size);
    new DataView(question.buffer).setUint32(getEntries.size, size, hostIsLittleEndian);
    this.#get(IPT_SO_GET_ENTRIES, question, name);
    return {
      ...{ family: this.family, name, validHooks: about.getUint32(info.validHooks, hostIsLittleEndian) },
      ...{ hookEntry: numbers(info.hookEntry), underflow: numbers(info.underflow) },
      entries: question.subarray(getEntries.entries),
    };
  }

  /**
   * Writes a table, and gives the rules that stay their counters back. Code EAGAIN if the kernel's has another number of
   * entries than `before` by now.
   *
   * @param before how many entries it had when it was read
   */
  write(table: Rebuilt, before: number): void {
    const { name, entries, kept } = table;
    const request = named(name, replace.entries + entries.length);
    const view = new DataView(request.buffer);
    const put = (offset: number, value: number): void => {
      view.setUint32(offset, value, hostIsLittleEndian);
    };
    put(replace.validHooks, table.validHooks);
    put(replace.numEntries, kept.length);
    put(replace.size, entries.length);
    table.hookEntry.forEach((offset, hook) => {
      put(replace.hookEntry + 4 * hook, offset);
    });
    table.underflow.forEach((offset, hook) => {
      put(replace.underflow + 4 * hook, offset);
    });
    put(replace.numCounters, before);
    request.set(entries, replace.entries);
    using room = memory(before * counterLength);
    view.setBigUint64(replace.counters, room.address, hostIsLittleEndian);
    this.#set(IPT_SO_SET_REPLACE, request, name);
    this.#addCounters(name, kept, new Uint8Array(room.bytes));
  }

  #addCounters(name: string, kept: readonly number[], old: Uint8Array): void {
    const request = named(name, counters.values + kept.length * counterLength);
    new DataView(request.buffer).setUint32(counters.number, kept.length, hostIsLittleEndian);
    for (const [index, was] of kept.entries()) {
      const counter = old.subarray(was * counterLength, (was + 1) * counterLength);
      request.set(counter, counters.values + index * counterLength);
    }
    this.#set(IPT_SO_SET_ADD_COUNTERS, request, name);
  }

  [Symbol.dispose](): void {
    libc.close(this.#socket);
  }

  #get(option: number, value: Uint8Array<ArrayBuffer>, name: string): DataView {
    const length = new Uint8Array(new Uint32Array([value.length]).buffer);
    const { level } = protocols[this.family];
    if (libc.getsockopt(this.#socket, level, option, value, length) === -1) throw failure(`read ${about(name)}`);
    return new DataView(value.buffer);
  }

  #set(option: number, value: Uint8Array, name: string): void {
    const { level } = protocols[this.family];
    if (libc.setsockopt(this.#socket, level, option, value, value.length) === -1) throw failure(`write ${about(name)}`);
  }
}

/** Room that begins with the table's name, as all of these structures do. */
function named(name: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  bytes.set(Buffer.from(name, 'latin1'));
  return bytes;
}

function about(name: string): string {
  return `the table ${name} of legacy iptables`;
}

function failure(what: string): NetlinkError {
  const number = lastErrno();
  return new NetlinkError(`${what}: ${errnoName(number)}`, number);
}
