import { bytesKind } from './bytes.ts';
import { Reached, TooManySteps } from './coverage.ts';
import type { Comparison, Recorder } from './coverage.ts';
import type { Program } from './build.ts';
import { Random } from '../../support/index.ts';
import type { Help, InputKind, Target } from './target.ts';
import { valueKind } from './values.ts';

/** How to go about it. */
export interface Options {
  readonly seed: number;
  /** It ends at the first of both limits. */
  readonly executions: number;
  readonly seconds: number;
  /** False: as if the program did not tell what it does. Seeds are changed at random, and nothing is learned. */
  readonly guided?: boolean;
}

/** An input after which a target did what it must not. */
export interface Fault {
  readonly error: Error;
  /** Minimised, as text. */
  readonly input: string;
  /** How many runs it took to find it. */
  readonly executions: number;
}

/** What came of fuzzing one target. */
export interface Outcome {
  readonly target: string;
  readonly executions: number;
  readonly seconds: number;
  readonly corpus: number;
  readonly edges: ReadonlySet<number>;
  readonly faults: readonly Fault[];
}

/** An input that reached something new. */
interface Kept<Input> {
  readonly input: Input;
  readonly comparisons: readonly Comparison[];
}

/** Runs that minimising may take. */
const mostTrials = 3000;
/** Different faults after which a target is given up. */
const mostFaults = 10;

/**
 * Fuzzes one target: what reaches something new is kept, and changed further. The same for the same seed and program, unless
 * the time is up.
 */
export async function fuzz(program: Program, target: Target, options: Options): Promise<Outcome> {
  // One branch each: what runs a target and what makes its inputs belong together.
  return target.kind === 'bytes'
    ? new Campaign(target, { kind: bytesKind, program }, options).run()
    : new Campaign(target, { kind: valueKind, program }, options).run();
}

interface Means<Input> {
  readonly kind: InputKind<Input>;
  readonly program: Pick<Program, 'recorder' | 'words'>;
}

type TargetOf<Input> = Pick<Target, 'name' | 'steps'> & {
  readonly seeds: readonly Input[];
  readonly run: (input: Input) => unknown;
};

class Campaign<Input> {
  readonly #target: TargetOf<Input>;
  readonly #kind: InputKind<Input>;
  readonly #recorder: Recorder;
  readonly #words: readonly string[];
  readonly #options: Options;
  readonly #random: Random;
  readonly #reached = new Reached();
  readonly #corpus: Kept<Input>[] = [];
  readonly #faults = new Map<string, Fault>();
  #executions = 0;

  constructor(target: TargetOf<Input>, { kind, program }: Means<Input>, options: Options) {
    this.#target = target;
    this.#kind = kind;
    this.#recorder = program.recorder;
    this.#words = options.guided === false ? [] : program.words;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<Outcome> {
    const { executions, seconds } = this.#options;
    const started = performance.now();
    const elapsed = (): number => (performance.now() - started) / 1000;
    for (const input of this.#target.seeds) await this.#try(input, true);
    while (this.#executions < executions && elapsed() < seconds && this.#faults.size < mostFaults) {
      await this.#try(this.#next(), false);
    }
    return {
      ...{ target: this.#target.name, executions: this.#executions, seconds: elapsed(), corpus: this.#corpus.length },
      ...{ edges: this.#reached.edges, faults: [...this.#faults.values()] },
    };
  }

  /** Half of the time something that was found lately: it leads further. */
  #next(): Input {
    const random = this.#random;
    const recent = Math.max(1, this.#corpus.length >> 3);
    const parent = random.once(2) ? this.#corpus.at(-1 - random.below(recent)) : random.pick(this.#corpus);
    const { input, comparisons } = parent ?? random.pick(this.#corpus);
    const help: Help<Input> = { random, comparisons, words: this.#words, other: random.pick(this.#corpus).input };
    return this.#kind.mutate(input, help);
  }

  async #try(input: Input, isSeed: boolean): Promise<void> {
    this.#executions++;
    const error = await this.#faultOf(input);
    const isNew = this.#reached.add(this.#recorder);
    const isGuided = this.#options.guided !== false;
    if (isSeed || (isNew && error === undefined && isGuided))
      this.#corpus.push({ input, comparisons: isGuided ? [...this.#recorder.comparisons] : [] });
    if (error === undefined || this.#faults.has(placeOf(error))) return;
    const executions = this.#executions;
    const minimised = await this.#minimised(input, placeOf(error));
    this.#faults.set(placeOf(error), { error, input: this.#kind.text(minimised), executions });
  }

  /** What a run throws; undefined if it ends as it should. */
  async #faultOf(input: Input): Promise<Error | undefined> {
    const recorder = this.#recorder;
    const { any, perByte } = this.#target.steps ?? { any: 200_000, perByte: 2000 };
    recorder.begin(any + perByte * this.#kind.size(input));
    try {
      const result = this.#target.run(input);
      if (result instanceof Promise) await result;
    } catch (error) {
      return error instanceof Error ? error : new Error(`threw what is no Error: ${String(error)}`);
    }
    return recorder.exhausted ? new TooManySteps('too many steps, and the error that said so was caught') : undefined;
  }

  async #minimised(input: Input, place: string): Promise<Input> {
    const { size, smaller } = this.#kind;
    let best = input;
    let trials = 0;
    for (let found = true; found && trials < mostTrials;) {
      found = false;
      for (const candidate of smaller(best)) {
        if (++trials > mostTrials) break;
        if (size(candidate) >= size(best)) continue;
        const error = await this.#faultOf(candidate);
        if (error === undefined || placeOf(error) !== place) continue;
        best = candidate;
        found = true;
        break;
      }
    }
    return best;
  }
}

/** Faults are the same if errors of one kind come from one function. */
function placeOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('Recorder'));
  // A loop is stopped somewhere in it, wherever its steps have run out.
  const first = error instanceof TooManySteps ? '' : (frames[0] ?? '').replace(/:\d+:\d+\)?$/, '');
  return `${error.name} ${first}`;
}
