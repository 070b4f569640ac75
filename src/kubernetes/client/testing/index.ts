/** What reads an API server's answers, for those who try it with answers of their own. */
export { answerOf, apiErrorOf, parseWatchEvent } from '../answers.ts';
export { LineSplitter } from '../line-splitter.ts';
export { ListParts } from '../list-parts.ts';
