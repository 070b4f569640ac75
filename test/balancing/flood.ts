import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import type { Rig } from './rig.ts';

/** UDP flows to a Service from a process of its own, as fast as it can, while the test does something else. */
export class Flood {
  readonly #child: ReturnType<Rig['clients']['spawn']>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ReturnType<Rig['clients']['spawn']>) {
    this.#child = child;
    if (!child.stdout) throw new Error('the flood has no output');
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  static async start(rig: Rig, service = 1, clients = 1000): Promise<Flood> {
    const script = fileURLToPath(new URL('./raw-flows-main.ts', import.meta.url));
    const flood = new Flood(
      rig.clients.spawn(process.execPath, [script, rig.clients.path, `${service}`, `${clients}`]),
    );
    await flood.#lines.next();
    return flood;
  }

  /** Ends it; how many flows it has sent. */
  async stop(): Promise<number> {
    const exit = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const count = await this.#lines.next();
    await exit;
    return Number(count.value);
  }
}
