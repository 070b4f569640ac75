import { fileURLToPath } from 'node:url';
import { eventually } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import type { Rig } from './rig.ts';

const script = fileURLToPath(new URL('./flood-main.ts', import.meta.url));

/** UDP flows to a Service from a process of its own, as fast as it can, while the test does something else. */
export class Flood {
  readonly #process: ManagedProcess;

  private constructor(process: ManagedProcess) {
    this.#process = process;
  }

  static async start(rig: Rig, service = 1, clients = 1000): Promise<Flood> {
    const { path } = rig.clients;
    const flood = rig.clients.start([process.execPath, script, path, String(service), String(clients)]);
    const evidence = () => flood.output;
    await eventually('the flood', () => flood.output !== '', { hopeless: () => !flood.running, evidence });
    return new Flood(flood);
  }

  /** Ends it; how many flows it has sent. */
  async stop(): Promise<number> {
    await this.#process.end('SIGTERM');
    return Number(this.#process.output.split('\n')[1]);
  }
}
