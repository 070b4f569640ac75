import { connect, type Socket } from 'node:net';
import type { Clock } from '../../runtime/index.ts';

/** A dead peer is noticed by the kernel's keep-alive; a silent one may stay silent as long as it likes. */
const keepAliveMilliseconds = 60_000;

/** Connecting takes at most this long; the client has been accepted already and should not wait for minutes. */
const connectMilliseconds = 30_000;

/**
 * Joins an accepted connection (made by a server with `allowHalfOpen`) to a new one to `target`. Each side's end of
 * data is passed on while the other direction goes on; a slow side slows the other; an error or reset on one side, or
 * a target that cannot be reached, resets the other. `onEnd` is called once, when both are closed.
 */
export function forwardTcp(
  client: Socket,
  target: { readonly host: string; readonly port: number },
  options: { readonly clock: Clock; readonly onEnd: () => void },
): void {
  const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
  const cancelTimeout = options.clock.after(connectMilliseconds, () => {
    reset(upstream);
    reset(client);
  });
  upstream.once('connect', cancelTimeout);

  let open = 2;
  const closed = (): void => {
    if (--open > 0) return;
    cancelTimeout();
    options.onEnd();
  };
  for (const [socket, peer] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.setKeepAlive(true, keepAliveMilliseconds);
    // The cause is of no use to anybody here: the peer sees the reset, as it would without a proxy in between.
    socket.on('error', () => reset(peer));
    socket.on('close', () => {
      // Cut off from our side, before both directions had ended.
      if (!socket.readableEnded || !socket.writableFinished) reset(peer);
      closed();
    });
    socket.pipe(peer);
  }
  client.setNoDelay(true);
}

/** Ends a connection so that its peer sees a reset, not an orderly end. */
export function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // resetAndDestroy() would wait for a connection under way to be made first.
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
