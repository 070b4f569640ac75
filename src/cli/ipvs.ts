import { dataPlaneFactories } from '../dataplane/index.ts';
import { createLogger, oneOf, parseOptions } from '../runtime/index.ts';
import { askElsewhere } from './elsewhere.ts';
import { askAgent } from './explain-packet.ts';
import { servedByIpvs, virtualServersText } from './ipvs-text.ts';

const usage = `Usage: nftproxy ipvs [options]

Shows the virtual servers that IPVS has for Services on a node: by which scheduler it chooses, and each endpoint with its
weight, its open connections (ACTIVE) and those that are being closed or of which nothing was heard for long (INACTIVE).
Counts are of this node. Virtual servers of others are not shown.

  --service NAME      only those of this Service: namespace/name
  --agent URL         the agent's metrics address, asked for the names of Services (default http://127.0.0.1:10249)
  -o, --output        text or json (default text)

On another node than this one, with the rights of the kubeconfig's user (get and create on pods/exec):

  --node NAME         asks the agent of that node
  --all-nodes         asks all agents, and shows the answers that differ
  --kubeconfig FILE   default: $KUBECONFIG, ~/.kube/config, or the service account of the Pod
`;

/** `nftproxy ipvs`. */
export async function ipvs(args: readonly string[]): Promise<number> {
  const values = parseOptions(args, usage, {
    service: { type: 'string' },
    agent: { type: 'string', default: 'http://127.0.0.1:10249' },
    output: { type: 'string', short: 'o', default: 'text' },
    node: { type: 'string' },
    'all-nodes': { type: 'boolean', default: false },
    kubeconfig: { type: 'string' },
  });
  const output = oneOf('--output', values.output, ['text', 'json']);
  return askElsewhere('ipvs', values) ?? showHere({ ...values, output });
}

async function showHere(o: { agent: string; service?: string | undefined; output: string }): Promise<number> {
  const log = createLogger({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line) });
  const dataPlane = dataPlaneFactories({ log })['ipvs']?.();
  if (!dataPlane) throw new Error('there is no data plane for mode ipvs');
  try {
    const { ports, silence } = await askAgent(o.agent);
    if (silence !== undefined) process.stderr.write(`${silence}, so Services are told by their addresses\n`);
    const all = servedByIpvs(await dataPlane.engineTargets(), ports);
    const wanted = all.filter(({ service }) => o.service === undefined || service === o.service);
    process.stdout.write(o.output === 'json' ? `${JSON.stringify(wanted, null, 2)}\n` : virtualServersText(wanted));
    return 0;
  } finally {
    dataPlane.close();
  }
}
