/** What is written to HAProxy and read from it, for those who try both with words of their own. */
export { readTable } from '../cli-socket.ts';
export { configurationText, masterSocket } from '../configuration.ts';
export { parseSectionName } from '../section.ts';
