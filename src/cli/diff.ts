import { desiredOnce, nodeNameOf } from '../agent/index.ts';
import type { DesiredOnce } from '../agent/index.ts';
import { dataPlaneFactories } from '../dataplane/index.ts';
import type { Preview } from '../dataplane/index.ts';
import { ApiClient, loadConnection } from '../kubernetes/index.ts';
import { createLogger, describeError, oneOf, parseOptions, UsageError } from '../runtime/index.ts';
import type { Logger } from '../runtime/index.ts';
import type { ServicePort } from '../services/index.ts';
import { AgentPods } from './agent-pods.ts';
import { isForbidden, notGoverning, notSelecting, readGiven, settingChanges } from './diff-config.ts';
import type { GivenConfig } from './diff-config.ts';
import { differenceText, isDifferent, ownersAmong } from './diff-text.ts';
import type { Difference, OwnerOf } from './diff-text.ts';
import { askAgent } from './explain-packet.ts';
import type { AgentView } from './explain-packet.ts';

const usage = `Usage: nftproxy diff -f FILE [--node NAME] [--kubeconfig FILE] [--output text|json]

Shows what a changed ProxyConfig would write on a node, compared with what is in its kernel now, and writes nothing. Ends as
kubectl diff does: 0 without a difference, 1 with one, more if it could not be told.

  -f, --filename FILE  the ProxyConfig (YAML or JSON); - for the standard input
  --node NAME          asks the agent of that node (get and create on pods/exec), and whether the config would govern it
                       (get on nodes, list on proxyconfigs); default: this node
  --node-name NAME     how the Node of this machine is called (default: $NODE_NAME, else the host name)
  --kubeconfig FILE    default: $KUBECONFIG, ~/.kube/config, or the service account of the Pod
  --agent URL          the agent's metrics address, asked for its configuration (default http://127.0.0.1:10249)
  --limit NUMBER       so many elements of each set are listed (default 10)
  --output             text or json, which has all elements (default text)
`;

const couldNotTell = 2;

interface Options {
  readonly kubeconfig: string | undefined;
  readonly agent: string;
  readonly output: 'text' | 'json';
  readonly limit: number;
}

/** `nftproxy diff`. */
export async function diff(args: readonly string[]): Promise<number> {
  const values = parseOptions(args, usage, {
    filename: { type: 'string', short: 'f' },
    node: { type: 'string' },
    'node-name': { type: 'string' },
    kubeconfig: { type: 'string' },
    agent: { type: 'string', default: 'http://127.0.0.1:10249' },
    limit: { type: 'string', default: '10' },
    output: { type: 'string', default: 'text' },
  });
  const { filename, node, kubeconfig, agent } = values;
  if (filename === undefined) throw new UsageError(`-f is missing: which ProxyConfig?\n\n${usage}`);
  const limit = Number(values.limit);
  if (!Number.isInteger(limit) || limit < 0) throw new UsageError(`--limit is ${values.limit}: use a whole number`);
  const options = { kubeconfig, agent, limit, output: oneOf('--output', values.output, ['text', 'json']) };
  try {
    const given = await readGiven(filename);
    return node === undefined
      ? await diffHere(given, nodeNameOf(values['node-name'], process.env), options)
      : await diffOn(node, given, options);
  } catch (error) {
    process.stderr.write(`nftproxy diff: ${describeError(error)}\n`);
    return couldNotTell;
  }
}

async function diffOn(node: string, given: GivenConfig, options: Options): Promise<number> {
  const pods = await AgentPods.connect(options.kubeconfig);
  try {
    const why = await notGoverning(given.config, node, pods.client).catch((error: unknown) => {
      if (!isForbidden(error)) throw error;
      process.stderr.write(`not checked whether it would govern the node: ${describeError(error)}\n`);
      return undefined;
    });
    if (why !== undefined) return nothing(why, options);
    const { agent, limit, output } = options;
    const args = ['diff', '--filename=-', `--agent=${agent}`, `--limit=${limit}`, `--output=${output}`];
    const { exitCode, stdout, stderr } = await pods.run(node, args, given.text);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    return exitCode;
  } finally {
    await pods.close();
  }
}

function nothing(why: string, { output }: Options): number {
  process.stdout.write(output === 'json' ? `${JSON.stringify({ notes: [why] })}\n` : `${why}\n`);
  return 0;
}

async function diffHere(given: GivenConfig, nodeName: string, options: Options): Promise<number> {
  const log = createLogger({ format: 'text', level: 'warn', write: (line) => process.stderr.write(line) });
  const { kubeconfig } = options;
  const client = new ApiClient(await loadConnection(kubeconfig === undefined ? {} : { kubeconfig }));
  try {
    const desired = await desiredOnce(given.effective, { client, nodeName, log });
    if (!desired.labels) throw new Error(`the cluster has no Node ${JSON.stringify(nodeName)}: is --node-name right?`);
    const why = notSelecting(given.config, nodeName, desired.labels);
    if (why !== undefined) return nothing(why, options);
    const ownerOf = ownersAmong([...desired.ports.values()].map(({ port }) => port));
    const now = await askAgent(options.agent);
    const difference = await compare({ given, nodeName, desired, now, ownerOf, log });
    const { output, limit } = options;
    process.stdout.write(
      output === 'json' ? `${JSON.stringify(difference)}\n` : differenceText(difference, ownerOf, limit),
    );
    return isDifferent(difference) ? 1 : 0;
  } finally {
    await client.close();
  }
}

interface Comparison {
  readonly given: GivenConfig;
  readonly nodeName: string;
  readonly desired: DesiredOnce;
  readonly now: AgentView;
  readonly ownerOf: OwnerOf;
  readonly log: Logger;
}

async function compare({ given, nodeName, desired, now, ownerOf, log }: Comparison): Promise<Difference> {
  const { config, effective } = given;
  const dataPlane = dataPlaneFactories({ log })[effective.mode]?.();
  if (!dataPlane) throw new Error(`there is no data plane for mode ${effective.mode}`);
  try {
    const preview = await dataPlane.preview(desired.ports, desired.settings);
    const following = byLoad(desired, now.ports);
    return {
      ...{ config: config.metadata.name, node: nodeName },
      settings: now.config && settingChanges(now.config, effective),
      preview: withoutWeights(preview, following, ownerOf),
      notes: [
        ...(now.silence === undefined ? [] : [`settings are not compared: ${now.silence}`]),
        ...(following.size === 0 ? [] : [`${following.size} Service ports follow their load and are not compared`]),
      ],
    };
  } finally {
    dataPlane.close();
  }
}

/** Service ports whose slots the agent deals by load (least-connections), before and after: only it knows how many. */
function byLoad({ ports }: DesiredOnce, served: readonly ServicePort[]): ReadonlySet<string> {
  const follows = (port: ServicePort | undefined): boolean => port?.algorithm === 'least-connections';
  return new Set(served.filter((port) => follows(port) && follows(ports.get(port.id)?.port)).map(({ id }) => id));
}

function withoutWeights(preview: Preview, following: ReadonlySet<string>, ownerOf: OwnerOf): Preview {
  const sets = preview.sets.map(({ name, deletes, adds }) => {
    const isCompared = (element: { key: string }): boolean => !following.has(ownerOf(element)?.id ?? '');
    return { name, deletes: deletes.filter(isCompared), adds: adds.filter(isCompared) };
  });
  return { ...preview, sets: sets.filter(({ deletes, adds }) => deletes.length + adds.length > 0) };
}
