/** What reads the kernel's bytes and writes them, for those who try it with bytes and operations of their own. */
export { requestFor } from '../operation.ts';
export { readDestination, readServer, writeDestination, writeServer } from '../virtual-server.ts';
