type ErrorClass = abstract new (...args: never) => Error;

/** Does something that may fail with one of these errors, and with no other. Undefined if it fails. */
export function promised<Result>(errors: readonly ErrorClass[], action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    if (errors.some((each) => error instanceof each)) return undefined;
    throw error;
  }
}

/** Does something that may refuse its input with a sentence: an Error, but none of the language's own, as TypeError. */
export function refusing<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && error.message !== '') return undefined;
    throw error;
  }
}

/** Throws unless it holds: the target has broken a promise. */
export function check(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Error(`broken promise: ${promise}`);
}
