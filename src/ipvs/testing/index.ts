/** What reads the kernel's bytes, for those who try it with bytes of their own. */
export { readDestination, readServer, writeDestination, writeServer } from '../virtual-server.ts';
