import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

/** A block of commands in a page. */
export interface CommandBlock {
  /** The heading above it, with its `#`. */
  readonly heading: string;
  /** Which it is of the blocks with commands below that heading. */
  readonly index: number;
  /** Without what is said beside them. */
  readonly commands: readonly string[];
}

const command = /^(?:[A-Z_]+=\S+ )*(?:npm|npx|kubectl|helm|kind|docker|curl|nft|nftproxy) /;

const fence = /^```(.*)$/m;

/** All blocks of a page in which somebody is to type something; output and YAML are none. */
export function commandBlocks(page: string): CommandBlock[] {
  // Prose, language, code, nothing; and again.
  const parts = readFileSync(join(repository, page), 'utf8').split(fence);
  const blocks: CommandBlock[] = [];
  let heading = '';
  for (let at = 0; at + 2 < parts.length; at += 4) {
    heading = (parts[at] ?? '').match(/^#+ .*$/gm)?.at(-1) ?? heading;
    const lines = (parts[at + 2] ?? '').split('\n').map((line) => line.replace(/\s+#.*$/, ''));
    const commands = lines.filter((line) => line !== '');
    if (parts[at + 1] !== '' || !command.test(commands[0] ?? '')) continue;
    const index = blocks.filter((block) => block.heading === heading).length;
    blocks.push({ heading, index, commands });
  }
  return blocks;
}

/**
 * The commands that a page has people type below a heading. test/docs/commands.test.ts finds by calls of this which blocks are
 * typed by a test, so its arguments are literals. @throws Error when there is no such block
 */
export function documented(page: string, heading: string, index = 0): readonly string[] {
  const block = commandBlocks(page).find((one) => one.heading === heading && one.index === index);
  if (block === undefined) throw new Error(`${page} has no block ${index} of commands below "${heading}"`);
  return block.commands;
}
