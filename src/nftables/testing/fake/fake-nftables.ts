import { tableFlag } from '../../constants.ts';
import type { Element } from '../../objects/index.ts';
import { batchMessageType, messages, Payload } from '../../../netlink/index.ts';
import type { Message } from '../../../netlink/index.ts';
import { NftablesSocket } from '../../socket.ts';
import { runBatch } from './batch.ts';
import type { FakeFeatures, Judge } from './change.ts';
import { isFull } from './element-changes.ts';
import { FakeListener } from './fake-listener.ts';
import { FakeSocket } from './fake-socket.ts';
import type { Datagrams, FakeKernel } from './fake-socket.ts';
import { elementPages, isElementDump, listingOf, toldOf } from './listings.ts';
import { errnoOf, Refusal } from './refusal.ts';
import { Ruleset } from './ruleset.ts';
import type { FakeSet } from './ruleset.ts';
import { storedFromText } from './stored-element.ts';
import type { StoredElement } from './stored-element.ts';
import { rulesetText } from './text.ts';
import { answerTo, encodeAnswer, encodeListing, encodePages, tableIsGone } from './wire.ts';

/** Trouble with the next batch that changes something. */
type Trouble =
  { readonly kind: 'refused'; readonly code: string } | { readonly kind: 'answer lost'; readonly applied: boolean };

/**
 * nf_tables of one network namespace, in memory: what `NftablesSocket`s of it send and receive are the very bytes that
 * the kernel would get and give, so all encoding, decoding and blame is the real code. Held to the kernel by the
 * contract in `../contract`.
 *
 * Rules are kept, counted and shown by the names of their expressions, but no packet passes: what packets would leave
 * behind is put in by `learn` and `count`. Time stands still. Only inet tables. What the kernel checks about where
 * rules lead (loops, hooks that a statement is not for) is not checked.
 */
export class FakeNftables implements FakeKernel {
  readonly #features: FakeFeatures;
  #nextPortId = 1000;
  #ruleset = new Ruleset();
  #judge: Judge = () => undefined;
  /** Whether there is a network interface of this name, for flowtables; there are all unless told. */
  hasDevice: (name: string) => boolean = () => true;
  readonly #troubles: Trouble[] = [];
  readonly #listeners: FakeListener[] = [];

  /** @param features of the kernel; all of them unless told */
  constructor(features: Partial<FakeFeatures> = {}) {
    this.#features = { owner: true, persist: true, destroy: true, flowtables: true, ...features };
  }

  /** A socket of one program. */
  open(): NftablesSocket {
    return new NftablesSocket(this.openSocket());
  }

  openSocket(): FakeSocket {
    return new FakeSocket(this, this.#nextPortId++);
  }

  /** From now on each element that is added or deleted is refused if `judge` names a code; replaces an earlier one. */
  refuse(judge: Judge): void {
    this.#judge = judge;
  }

  /** The next batch that changes anything is refused as a whole, without a culprit: `ENOMEM`. */
  failNext(code: string): void {
    errnoOf(code);
    this.#troubles.push({ kind: 'refused', code });
  }

  /** The answer to the next batch that changes anything gets lost, whether it was applied or not. */
  loseNextAnswer({ applied }: { applied: boolean }): void {
    this.#troubles.push({ kind: 'answer lost', applied });
  }

  /** What listeners have not read yet gets lost. */
  loseNotifications(): void {
    for (const listener of this.#listeners) listener.lose();
  }

  /** A packet lets a rule add an element to a dynamic set, or renew its time to live. False if the set is full. */
  learn(table: string, element: Element): boolean {
    const set = this.#set(table, element.set);
    const stored = storedFromText(set.definition, element);
    const present = set.elements.find(stored);
    if (present === undefined && isFull(set)) return false;
    if (present === undefined) set.ownElements.add(stored);
    else set.ownElements.replace(present, { ...stored, ...(present.data && { data: present.data }) });
    return true;
  }

  /** Packets pass by an element that counts. */
  count(table: string, element: Element, packets: number, bytes = packets * 60): void {
    const { counter } = this.#element(table, element);
    counter.packets += packets;
    counter.bytes += bytes;
  }

  /** The time of an element is up. */
  expire(table: string, element: Element): void {
    this.#set(table, element.set).ownElements.remove(this.#element(table, element));
  }

  /** An interface is gone: flowtables lose it without a word to anybody. */
  loseDevice(name: string): void {
    for (const table of this.#ruleset.tables.values()) {
      for (const [flowtable, devices] of table.flowtables) {
        table.flowtables.set(flowtable, new Set([...devices].filter((device) => device !== name)));
      }
    }
  }

  /** `nft flush ruleset` of another program: tables that a living socket owns stay. */
  flushRuleset(): void {
    const next = this.#ruleset.copy();
    const gone = [...next.tables.values()].filter(({ owner }) => owner === 0);
    for (const { name } of gone) next.tables.delete(name);
    if (gone.length === 0) return;
    next.settle();
    this.#ruleset = next;
    this.#tell(gone.map(({ name }) => tableIsGone(name)));
  }

  /** The ruleset for people, in the manner of `nft list ruleset`. */
  toString(): string {
    return rulesetText(this.#ruleset);
  }

  handle(request: Uint8Array, portId: number): Datagrams {
    const received = [...messages(Payload.of(request))];
    const [first] = received;
    if (first === undefined) return [];
    if (first.type === batchMessageType.begin) return this.#commit(received, portId);
    if (isElementDump(first)) return encodePages(first, (request) => elementPages(() => this.#ruleset, request));
    return [encodeListing(first, (request) => listingOf(this.#ruleset, request))];
  }

  listen(exceptPortId: number): FakeListener {
    const listener = new FakeListener(exceptPortId);
    this.#listeners.push(listener);
    return listener;
  }

  release(portId: number): void {
    for (const table of [...this.#ruleset.tables.values()]) {
      if (table.owner !== portId) continue;
      if ((table.flags & tableFlag.persist) === 0) this.#ruleset.tables.delete(table.name);
      table.flags &= ~tableFlag.owner;
      table.owner = 0;
    }
  }

  #commit(batch: readonly Message[], portId: number): Datagrams {
    const { hasDevice } = this;
    const circumstances = { portId, features: this.#features, judge: this.#judge, hasDevice };
    const result = runBatch(batch, this.#ruleset, circumstances);
    const answers = result.answers.map(encodeAnswer);
    const trouble = result.ruleset === undefined ? undefined : this.#troubles.shift();
    if (trouble?.kind === 'refused')
      return batch.slice(0, 1).map((begin) => encodeAnswer(answerTo(begin, new Refusal(trouble.code))));
    if (trouble?.applied !== false && result.ruleset) {
      const before = this.#ruleset;
      const told = batch.slice(1, -1).flatMap((message) => toldOf(before, message));
      this.#ruleset = result.ruleset;
      this.#tell(told, portId);
    }
    return trouble === undefined ? answers : ['lost'];
  }

  #tell(changes: readonly Message[], portId = 0): void {
    const heard = changes.map((message) => ({ ...message, payload: Payload.of(message.payload.copy()) }));
    for (const listener of this.#listeners) if (listener.exceptPortId !== portId) listener.hear(heard);
  }

  #set(table: string, name: string): FakeSet {
    const set = this.#ruleset.tables.get(table)?.sets.get(name);
    if (set === undefined) throw new Error(`no set ${name} in table ${table}:\n${this.toString()}`);
    return set;
  }

  #element(table: string, element: Element): StoredElement {
    const set = this.#set(table, element.set);
    const present = set.elements.find(storedFromText(set.definition, element, true));
    if (present === undefined) throw new Error(`no element ${element.key} in set ${element.set}:\n${this.toString()}`);
    return present;
  }
}
