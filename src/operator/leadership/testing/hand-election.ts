import type { Candidate, Election } from '../election.ts';

/** An election that a test decides. */
export class HandElection implements Election {
  /** What happened, in order. */
  readonly story: string[];
  #candidate: Candidate | undefined;

  constructor(story: string[] = []) {
    this.story = story;
  }

  start(candidate: Candidate): void {
    this.#candidate = candidate;
  }

  stop(): Promise<void> {
    this.story.push('Lease given up');
    return Promise.resolve();
  }

  win(): void {
    this.#candidate?.won();
  }

  lose(): void {
    this.#candidate?.lost();
  }
}
