import type { Problem } from './types.ts';

/** Problems that appeared and that went away. */
export interface ProblemChange {
  readonly added: readonly Problem[];
  readonly removed: readonly Problem[];
}

/** The present Problems of all objects, and how they change. */
export class ProblemBook {
  /** Only objects that have any. */
  readonly #problems = new Map<string, readonly Problem[]>();

  /**
   * Sets the Problems of one object to those given.
   * @param problems the same reason and message twice counts once
   * @returns the difference; a Problem with another message is another Problem
   */
  replace(kind: Problem['object']['kind'], key: string, problems: readonly Problem[]): ProblemChange {
    const id = `${kind}/${key}`;
    const now = problems.length > 1 ? unique(problems) : problems;
    const before = this.#problems.get(id) ?? [];
    if (now.length > 0) this.#problems.set(id, now);
    else this.#problems.delete(id);
    return { added: missingIn(before, now), removed: missingIn(now, before) };
  }

  /** All of them, in no particular order. */
  all(): Problem[] {
    return [...this.#problems.values()].flat();
  }
}

function unique(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [identity(problem), problem])).values()];
}

/** Those of `problems` that `others` lacks. */
function missingIn(others: readonly Problem[], problems: readonly Problem[]): readonly Problem[] {
  const known = new Set(others.map(identity));
  return problems.filter((problem) => !known.has(identity(problem)));
}

function identity({ reason, message }: Problem): string {
  return `${reason} ${message}`;
}
