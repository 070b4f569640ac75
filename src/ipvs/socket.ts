import {
  ask,
  askAll,
  dump,
  genericAttributes,
  genericFamily,
  genericRequest,
  NetlinkSocket,
  RequestQueue,
} from '../netlink/index.ts';
import type { GenericFamily, GenericQuestion, NetlinkError, Payload, SocketOptions } from '../netlink/index.ts';
import { command, commandAttribute, familyName, familyVersion } from './constants.ts';
import { nameOf, requestFor } from './operation.ts';
import type { IpvsOperation } from './operation.ts';
import { readDestination, readServer, writeName } from './virtual-server.ts';
import type { DestinationState, VirtualServer, VirtualServerName } from './virtual-server.ts';

/**
 * The virtual servers of one network namespace. Requests run one after the other. All methods reject with NetlinkError
 * when the kernel refuses; with code ENOENT if it has no IPVS: the first request looks for it, and the kernel loads the
 * module then if it can.
 */
export class IpvsSocket {
  readonly #socket: NetlinkSocket;
  readonly #queue = new RequestQueue();
  #family: GenericFamily | undefined;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Opens a socket, in the given network namespace if any (that needs CAP_SYS_ADMIN). Throws NetlinkError. */
  static open(options: SocketOptions = {}): IpvsSocket {
    return new IpvsSocket(NetlinkSocket.open('generic', options));
  }

  /** Resolves if the kernel has IPVS now: somebody may have unloaded it, and it has another number when it is back. */
  probe(): Promise<void> {
    return this.#queue.run(() => {
      this.#family = genericFamily(this.#socket, familyName, familyVersion);
    });
  }

  /** All virtual servers but those for firewall marks, whoever made them. */
  servers(): Promise<VirtualServer[]> {
    const question = { description: 'list virtual servers', command: command.getService };
    return this.#list(question, readServer);
  }

  /** The destinations of a virtual server; none if it is not there. */
  destinations(server: VirtualServerName): Promise<DestinationState[]> {
    const question: GenericQuestion = {
      description: `list the destinations of ${nameOf(server)}`,
      command: command.getDestination,
      attributes: (writer) => {
        writeName(writer, server);
      },
    };
    return this.#list(question, (attributes) => readDestination(attributes, server.family));
  }

  /**
   * Carries out operations in order, each by itself.
   * @returns those that the kernel refused, and why
   */
  carryOut(operations: readonly IpvsOperation[]): Promise<Map<IpvsOperation, NetlinkError>> {
    return this.#queue.run(async () => {
      const requests = new Map(operations.map((operation) => [requestFor(this.#required, operation), operation]));
      const refused = new Map<IpvsOperation, NetlinkError>();
      for (const [request, error] of await askAll(this.#socket, [...requests.keys()])) {
        const operation = requests.get(request);
        if (operation) refused.set(operation, error);
      }
      return refused;
    });
  }

  /** How long a TCP connection of which nothing is heard counts as open, for all virtual servers of the namespace. */
  setTcpTimeout(seconds: number): Promise<void> {
    return this.#queue.run(() => {
      const request = genericRequest(this.#required, {
        description: 'set the time-out of TCP connections',
        command: command.setConfig,
        attributes: (writer) => {
          writer.hostNumber(commandAttribute.tcpTimeout, seconds);
        },
      });
      ask(this.#socket, request, () => undefined);
    });
  }

  /** Closes the socket; the virtual servers stay. */
  close(): void {
    this.#socket.close();
  }

  get #required(): GenericFamily {
    return (this.#family ??= genericFamily(this.#socket, familyName, familyVersion));
  }

  #list<Item>(question: GenericQuestion, read: (attributes: Payload) => Item | undefined): Promise<Item[]> {
    return this.#queue.run(() =>
      dump(this.#socket, genericRequest(this.#required, question), () => {
        const items: Item[] = [];
        return {
          use: (message) => {
            const item = read(genericAttributes(message));
            if (item !== undefined) items.push(item);
          },
          result: () => items,
        };
      }),
    );
  }
}
