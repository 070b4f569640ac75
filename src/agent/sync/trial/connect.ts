import { connect as openSocket } from 'node:net';
import type { Place } from './targets.ts';

/** Whether a TCP connection from this node is accepted within so many milliseconds. */
export type Connect = (place: Place, milliseconds: number) => Promise<boolean>;

/** Connects and hangs up. */
export const connect: Connect = ({ address, port }, milliseconds) =>
  new Promise((resolve) => {
    const socket = openSocket({ host: address, port });
    const end = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.setTimeout(milliseconds, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
