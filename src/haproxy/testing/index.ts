/** What is written to HAProxy and read from it, for those who try both with words of their own. */
export { readInfo, readSections, readTraffic } from '../answers.ts';
export { readTable } from '../cli-socket.ts';
export * as commands from '../commands.ts';
export { configurationText, masterSocket } from '../configuration.ts';
export { readCounts } from '../counts.ts';
export { parseSectionName } from '../section.ts';
