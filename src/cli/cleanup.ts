import { dataPlaneFactories, removeAll } from '../dataplane/index.ts';
import { createLogger, parseOptions } from '../runtime/index.ts';

const usage = `Usage: nftproxy cleanup

Removes what every data plane of nftproxy has in this node's kernel (the table inet nftproxy), and with it all Service
forwarding. Connections that are already translated go on. Never touches anything else. Stop the agent first: while it
runs, its table is its own.
`;

/** `nftproxy cleanup`: what stopping an agent never does. */
export async function cleanup(args: readonly string[]): Promise<number> {
  parseOptions(args, usage, {});
  const log = createLogger({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line) });
  for (const [mode, removed] of await removeAll(dataPlaneFactories({ log }))) {
    process.stdout.write(removed === undefined ? `nothing to remove of mode ${mode}\n` : `removed ${removed}\n`);
  }
  return 0;
}
