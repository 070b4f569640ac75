import type { ClientRequest } from 'node:http';
import { systemClock } from '../../runtime/index.ts';
import { quietMilliseconds } from './agents.ts';

/** While another server may be asked, an address where nobody is must not cost more; the last hope is waited for. */
const patience = { short: 3, long: 10 };

/**
 * Follows the connection of a request that was just made: `done` once it is open, TLS included. One that is not open in
 * time fails, and the request with it.
 *
 * @param lastHope no other server can be asked
 */
export function openingOf(request: ClientRequest, lastHope: boolean): { readonly done: boolean } {
  const opening = { done: false };
  request.once('socket', (socket) => {
    opening.done = request.reusedSocket;
    if (opening.done) return;
    const seconds = lastHope ? patience.long : patience.short;
    const cancel = systemClock.after(seconds * 1000, () => request.destroy(new ConnectTimeoutError(seconds)));
    request.once('close', cancel);
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      opening.done = true;
      cancel();
      socket.setKeepAlive(true, quietMilliseconds);
    });
  });
  return opening;
}

/** Nobody is where an API server should be, or who is there does not speak TLS. */
class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError';
  readonly code = 'ETIMEDOUT';

  constructor(seconds: number) {
    super(`no connection within ${seconds} s`);
  }
}
