import { errno, NetlinkError } from '../../../netlink/index.ts';
import type { Message, NetlinkListener } from '../../../netlink/index.ts';

/** What a fake kernel tells one listener of what others commit. */
export class FakeListener implements NetlinkListener {
  readonly exceptPortId: number;
  #queue: Message[] = [];
  #lost = false;

  constructor(exceptPortId: number) {
    this.exceptPortId = exceptPortId;
  }

  hear(messages: readonly Message[]): void {
    this.#queue.push(...messages);
  }

  /** There was no room for what it has not read yet. */
  lose(): void {
    this.#queue = [];
    this.#lost = true;
  }

  *answers(): Generator<Message> {
    if (this.#lost) {
      this.#lost = false;
      throw new NetlinkError('recv on a netlink socket failed: ENOBUFS', errno.ENOBUFS);
    }
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) yield message;
  }

  close(): void {
    this.#queue = [];
  }
}
