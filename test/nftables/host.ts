import { afterEach } from 'vitest';
import { NftablesSocket } from '../../src/nftables/index.ts';
import { Namespace } from '../support/index.ts';

/** A network namespace with a socket in it; both go after the test. */
export interface Host {
  readonly namespace: Namespace;
  readonly socket: NftablesSocket;
}

const cleanUps: (() => unknown)[] = [];

/** Also undone after the test: the last one first. */
export function afterThisTest(cleanUp: () => unknown): void {
  cleanUps.push(cleanUp);
}

export async function host(label: string): Promise<Host> {
  const namespace = await Namespace.create(label);
  afterThisTest(() => namespace.destroy());
  return { namespace, socket: openSocket(namespace) };
}

/** One more socket in a namespace. */
export function openSocket(namespace: Namespace): NftablesSocket {
  const socket = NftablesSocket.open({ namespacePath: namespace.path });
  afterThisTest(() => {
    socket.close();
  });
  return socket;
}

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
