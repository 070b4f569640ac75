/** What reads the kept file, for those who try it with texts of their own. */
export { decodeLastGood } from '../content.ts';
