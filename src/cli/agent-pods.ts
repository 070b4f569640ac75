import { text } from 'node:stream/consumers';
import { PassThrough, Readable } from 'node:stream';
import { agentContainer, agentLabels } from '../api/index.ts';
import { ApiClient, execInPod, formatSelector, isNotFound, loadConnection, resourcePath } from '../kubernetes/index.ts';
import type { Connection, KubernetesObject } from '../kubernetes/index.ts';
import { describeError } from '../runtime/index.ts';

/** Where the program is in its image (Dockerfile, ENTRYPOINT); a command that is run in a Pod does not go through that. */
const program = ['node', '/nftproxy/dist/main.js'] as const;

/** What a command in a Pod came to. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How many nodes are asked at a time: each answer costs its node a process. */
const atATime = 10;

/** An agent's Pod (v1), as far as it is looked at. */
interface Pod extends KubernetesObject {
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly containerStatuses?: readonly { readonly name: string; readonly state?: ContainerState }[];
  };
}

interface ContainerState {
  readonly running?: object;
  readonly waiting?: { readonly reason?: string; readonly message?: string };
}

/**
 * Runs commands of this program on nodes, from wherever the API server can be reached: in the agents' Pods, by
 * `pods/exec`. So what may be asked is decided by the asking person's own rights, nothing listens on nodes for it, and the
 * answer is that of the node itself.
 *
 * All methods throw what the API server refuses, a missing right for instance, as ApiError, and ConnectionError.
 */
export class AgentPods {
  readonly #connection: Connection;
  /** For the same cluster. */
  readonly client: ApiClient;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.client = new ApiClient(connection);
  }

  /** @throws Error when no connection is described. */
  static async connect(kubeconfig: string | undefined): Promise<AgentPods> {
    return new AgentPods(await loadConnection(kubeconfig === undefined ? {} : { kubeconfig }));
  }

  /** The nodes that have an agent's Pod, sorted. */
  async nodes(): Promise<string[]> {
    const nodes = (await this.#pods()).flatMap(({ spec }) => spec.nodeName ?? []);
    return [...new Set(nodes)].sort();
  }

  /**
   * Runs `nftproxy ...args` on a node, to its end.
   *
   * @param input what it reads
   * @throws Error that says why there is no agent to ask
   */
  async run(node: string, args: readonly string[], input?: string): Promise<Answer> {
    const { metadata } = await this.#podOn(node);
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const printed = Promise.all([text(stdout), text(stderr)]);
    const target = { namespace: metadata.namespace ?? '', pod: metadata.name, container: agentContainer };
    const exitCode = await execInPod(
      { connection: this.#connection, client: this.client },
      {
        ...{ ...target, command: [...program, ...args], stdout, stderr },
        ...(input !== undefined && { stdin: Readable.from([Buffer.from(input)]) }),
      },
    );
    const [out, errors] = await printed;
    return { exitCode, stdout: out, stderr: errors };
  }

  /**
   * Runs `nftproxy ...args` on all nodes that have an agent's Pod, some at a time. A node that cannot be asked answers with
   * why, and exit code 1: the others are worth having.
   *
   * @throws Error when there is none
   */
  async runOnAll(args: readonly string[]): Promise<Map<string, Answer>> {
    const nodes = await this.nodes();
    if (nodes.length === 0) throw new Error('no agent of nftproxy runs in this cluster');
    const answers = new Map<string, Answer>();
    const ask = async (): Promise<void> => {
      for (let node = nodes.shift(); node !== undefined; node = nodes.shift()) {
        answers.set(node, await this.run(node, args).catch(silence));
      }
    };
    await Promise.all(Array.from({ length: atATime }, ask));
    return answers;
  }

  close(): Promise<void> {
    return this.client.close();
  }

  async #pods(fieldSelector?: string): Promise<Pod[]> {
    const labelSelector = formatSelector({ matchLabels: agentLabels });
    const path = resourcePath({ version: 'v1', plural: 'pods' });
    return (await this.client.listAll<Pod>(path, { labelSelector, fieldSelector })).items;
  }

  /** The agent's Pod on a node, which runs. Of two, one of which is on its way out, the one that stays. */
  async #podOn(node: string): Promise<Pod> {
    // With these it would be another selector, and no Node has them in its name.
    const pods = /[,=\\]/.test(node) ? [] : await this.#pods(`spec.nodeName=${node}`);
    const pod = pods.find(({ metadata }) => metadata.deletionTimestamp === undefined) ?? pods[0];
    if (pod === undefined) throw await this.#absence(node);
    const { namespace = '', name } = pod.metadata;
    const trouble = troubleOf(pod);
    if (trouble === undefined) return pod;
    throw new Error(`the agent on node ${node} (Pod ${namespace}/${name}) does not run: ${trouble}`);
  }

  async #absence(node: string): Promise<Error> {
    try {
      await this.client.get(resourcePath({ version: 'v1', plural: 'nodes', name: node }));
    } catch (error) {
      if (isNotFound(error)) return new Error(`the cluster has no Node ${JSON.stringify(node)}`);
      // Whoever may ask agents need not be allowed to look at Nodes.
    }
    return new Error(`no agent of nftproxy runs on node ${node}: no Pod with its labels is there`);
  }
}

function silence(error: unknown): Answer {
  return { exitCode: 1, stdout: '', stderr: `${describeError(error)}\n` };
}

/** Why no command can be run in the agent's container; undefined if one can. */
function troubleOf({ status = {} }: Pod): string | undefined {
  const { phase = 'unknown', reason = `its phase is ${phase}`, containerStatuses = [] } = status;
  const { running, waiting = { reason } } = containerStatuses.find(({ name }) => name === agentContainer)?.state ?? {};
  return running ? undefined : Object.values(waiting).join(': ');
}
