import { connect } from 'node:net';

/**
 * Tells when the process that listens at a socket of HAProxy's ends: a connection over which nothing is asked lasts as long
 * as that does. It may also end for its age (`stats timeout`), so whoever is told has to ask.
 *
 * @param ended called once: also if nobody listens, and not after the watch has been given up
 * @returns gives the watch up
 */
export function watchSocket(path: string, ended: () => void): () => void {
  const socket = connect(path);
  // What failed is of no interest: that it is over is, and `close` follows.
  socket.on('error', () => undefined);
  socket.once('close', ended);
  socket.resume();
  return () => {
    socket.off('close', ended);
    socket.destroy();
  };
}
