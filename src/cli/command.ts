import { describeError, HelpRequest, UsageError } from '../runtime/index.ts';

/** A subcommand: gets the arguments after its name, returns the exit code. */
type Subcommand = (args: readonly string[]) => Promise<number>;

// Each is loaded only when asked for: the agent must not pay for the operator's libraries.
const subcommands: Readonly<Record<string, { summary: string; load: () => Promise<Subcommand> }>> = {
  agent: {
    summary: "keep this node's nftables in line with the cluster's Services",
    load: async () => (await import('./agent.ts')).agent,
  },
  operator: {
    summary: 'publish the CRDs, assign ProxyConfigs to nodes, manage the agents, report status',
    load: async () => (await import('./operator.ts')).operator,
  },
  status: {
    summary: 'show the ProxyConfigs of a cluster, their rollouts, and its nodes',
    load: async () => (await import('./status.ts')).status,
  },
  explain: {
    summary: 'say what a node would do with a connection, and why',
    load: async () => (await import('./explain.ts')).explain,
  },
  ipvs: {
    summary: 'show the virtual servers of IPVS by Service, with their connections',
    load: async () => (await import('./ipvs.ts')).ipvs,
  },
  diff: {
    summary: 'show what a changed ProxyConfig would write on a node',
    load: async () => (await import('./diff.ts')).diff,
  },
  preflight: {
    summary: 'look whether nftproxy can work on this node; changes nothing',
    load: async () => (await import('./preflight.ts')).preflight,
  },
  cleanup: {
    summary: "remove nftproxy's table, or kube-proxy's rules, from this node",
    load: async () => (await import('./cleanup.ts')).cleanup,
  },
  convert: {
    summary: "turn kube-proxy's configuration into a ProxyConfig",
    load: async () => (await import('./convert.ts')).convert,
  },
  crds: {
    summary: 'write the CustomResourceDefinitions as YAML',
    load: async () => (await import('./crds.ts')).crds,
  },
};

function usage(): string {
  const lines = Object.entries(subcommands).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
  return `Usage: nftproxy COMMAND [options]\n\n${lines.join('\n')}\n\n"nftproxy COMMAND --help" says more.\n`;
}

/** Runs one subcommand. Errors that a person can do something about end in one line and exit code 1 or 2. */
export async function runCommand([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage());
    return name === undefined ? 2 : 0;
  }
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (!subcommand) {
    process.stderr.write(`nftproxy: there is no command ${JSON.stringify(name)}\n\n${usage()}`);
    return 2;
  }
  try {
    const run = await subcommand.load();
    return await run(args);
  } catch (error) {
    return exitCodeOf(name, error);
  }
}

/** Says what went wrong, or what the command takes if that was the question. */
function exitCodeOf(name: string, error: unknown): number {
  if (error instanceof HelpRequest) {
    process.stdout.write(error.message);
    return 0;
  }
  process.stderr.write(`nftproxy ${name}: ${describeError(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
}
