/** What reads the kept file, for those who try it with texts of their own. */
export { decodeServers } from '../content.ts';
