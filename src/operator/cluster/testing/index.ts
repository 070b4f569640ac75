/** What reads objects that anybody may have written, for those who try it with objects of their own. */
export { checkedConfig } from '../checked-config.ts';
