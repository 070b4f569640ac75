/** One line of a Dockerfile (continuation lines joined). */
export interface Instruction {
  /** Where it begins, counted from 1. */
  line: number;
  keyword: Keyword;
  /** `--from=build` and its like, without the dashes. */
  flags: Record<string, string>;
  /** Everything after the keyword and its flags. */
  text: string;
}

/** From one FROM to the next. */
export interface Stage {
  base: string;
  /** The name after AS. */
  name: string | undefined;
  instructions: Instruction[];
}

const keywords = ['FROM', 'WORKDIR', 'COPY', 'RUN', 'USER', 'ENV', 'ENTRYPOINT'] as const;
export type Keyword = (typeof keywords)[number];

/**
 * Reads a Dockerfile as far as ours goes: the keywords above. What is not read here is refused, never passed over: an
 * image that leaves something out would be another image.
 * @throws Error that names the line.
 */
export function readDockerfile(text: string): Stage[] {
  const stages: Stage[] = [];
  for (const instruction of readInstructions(text)) {
    if (instruction.keyword === 'FROM') stages.push(newStage(instruction));
    else if (stages.length === 0) throw at(instruction, `${instruction.keyword} before any FROM`);
    else stages.at(-1)?.instructions.push(instruction);
  }
  if (stages.length === 0) throw new Error('Dockerfile: it has no FROM');
  return stages;
}

/**
 * The stages that one is made from, itself last; without a name it is the last of the Dockerfile (`docker build --target`).
 * @throws Error if there is no stage of that name
 */
export function stagesFor(stages: readonly Stage[], target?: string): Stage[] {
  const wanted = target === undefined ? stages.at(-1) : stages.find(({ name }) => name === target);
  if (wanted === undefined) throw new Error(`Dockerfile: there is no stage "${String(target)}"`);
  const sources = wanted.instructions.flatMap(({ flags }) => flags['from'] ?? []);
  const above = stages.slice(0, stages.indexOf(wanted));
  const needed = new Set(sources.flatMap((name) => above.filter((stage) => stage.name === name)));
  const all = new Set([...needed].flatMap((stage) => stagesFor(above, stage.name)));
  return [...above.filter((stage) => all.has(stage)), wanted];
}

/** An error about an instruction, beginning with where it is. */
export function at({ line }: Pick<Instruction, 'line'>, message: string): Error {
  return new Error(`Dockerfile:${line}: ${message}`);
}

/** The words of an instruction. Quotes are not taken apart, so they are refused. */
export function wordsOf(instruction: Instruction): string[] {
  if (/["']/.test(instruction.text)) throw at(instruction, `quotes are not read here: ${instruction.text}`);
  return instruction.text.split(/\s+/).filter(Boolean);
}

/** ENTRYPOINT in its exec form, the only one that hands signals to the program. */
export function execForm(instruction: Instruction): string[] {
  if (!instruction.text.startsWith('[')) throw at(instruction, 'only the form ["program", "argument"] is read here');
  return JSON.parse(instruction.text) as string[];
}

function newStage(instruction: Instruction): Stage {
  const [, base, name] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(instruction.text) ?? [];
  if (base === undefined) throw at(instruction, `FROM image [AS name] expected, not: ${instruction.text}`);
  return { base, name, instructions: [] };
}

function* readInstructions(text: string): Generator<Instruction> {
  let open: { line: number; text: string } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    open = { line: open?.line ?? index + 1, text: `${open?.text ?? ''} ${line.replace(/\\$/, '')}` };
    if (line.endsWith('\\')) continue;
    yield readInstruction(open.line, open.text.trim());
    open = undefined;
  }
  if (open !== undefined) throw at(open, 'the last line ends with a backslash');
}

function readInstruction(line: number, text: string): Instruction {
  const [first = '', ...words] = text.split(/\s+/);
  const keyword = keywords.find((known) => known === first.toUpperCase());
  if (keyword === undefined) throw at({ line }, `${first} is not known here`);
  const flags: Record<string, string> = {};
  while (words[0]?.startsWith('--') === true) {
    const [name = '', value = ''] = words.shift()?.slice(2).split('=') ?? [];
    flags[name] = value;
  }
  return { line, keyword, flags, text: words.join(' ') };
}
