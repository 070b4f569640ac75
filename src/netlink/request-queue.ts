/**
 * One request at a time: the answers of two must not mix on one socket.
 *
 * A synchronous task runs at once when nobody is before it, so that small commits cost no turn of the event loop.
 */
export class RequestQueue {
  #tail: Promise<unknown> | undefined;

  /** Runs the task when all earlier ones are done; its result or failure is the returned promise's. */
  run<Result>(task: () => Result | Promise<Result>): Promise<Result> {
    if (this.#tail !== undefined) return this.#follow(this.#tail.then(task));
    let result: Result | Promise<Result>;
    try {
      result = task();
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    return result instanceof Promise ? this.#follow(result) : Promise.resolve(result);
  }

  #follow<Result>(promise: Promise<Result>): Promise<Result> {
    // The caller hears of a failure; whoever is next only needs to know that it is over.
    const settled: Promise<unknown> = promise
      .catch(() => undefined)
      .then(() => {
        if (this.#tail === settled) this.#tail = undefined;
      });
    this.#tail = settled;
    return promise;
  }
}
