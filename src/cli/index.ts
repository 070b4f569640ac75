export { runCommand } from './command.ts';
export { questionOf } from './explain-question.ts';
