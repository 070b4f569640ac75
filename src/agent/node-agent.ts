import { Agent } from './agent.ts';
import type { AgentDependencies } from './agent.ts';
import { Idle } from './idle.ts';
import type { AgentOptions } from './options.ts';

/** What a node's process is at a time. */
interface Role {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The process of one node: an {@link Agent}, but {@link Idle} while the node is to have nothing of ours. Each is made
 * anew, so that nothing that an agent remembers of the kernel outlives what was in it.
 */
export class NodeAgent {
  readonly #options: AgentOptions;
  readonly #deps: AgentDependencies;
  #role: Role;
  #turns: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: AgentOptions, deps: AgentDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#role = this.#agent();
  }

  /** Starts everything; rejects only if the configuration file cannot be used. */
  start(): Promise<void> {
    const started = this.#role.start();
    // Nothing is left before it has begun.
    this.#turns = started.catch(() => undefined);
    return started;
  }

  /** Stops without touching the kernel. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#turns;
    await this.#role.stop();
  }

  #agent(): Role {
    const role: Role = new Agent(this.#options, this.#deps, (config) => this.#turn(role, () => this.#idle(config)));
    return role;
  }

  #idle(config: string): Role {
    const role: Role = new Idle(this.#options, this.#deps, {
      config,
      governed: () => this.#turn(role, () => this.#agent()),
    });
    return role;
  }

  /** One after the other; what a role says that has been left is of no consequence. */
  #turn(from: Role, next: () => Role): void {
    this.#turns = this.#turns.then(async () => {
      if (this.#stopped || this.#role !== from) return;
      try {
        await from.stop();
        this.#role = next();
        await this.#role.start();
      } catch (error) {
        this.#deps.log.error('cannot change over', { error });
      }
    });
  }
}
