import { UsageError } from '../runtime/index.ts';
import { AgentPods } from './agent-pods.ts';
import type { Answer } from './agent-pods.ts';

/** Which node is asked, as `explain` and `ipvs` have these options; the others go to that node as they are. */
export interface PlaceOptions {
  readonly node?: string | undefined;
  readonly 'all-nodes': boolean;
  readonly kubeconfig?: string | undefined;
  readonly output: string;
  readonly [option: string]: string | boolean | undefined;
}

/** Asks elsewhere if that is what the options say; undefined: this node is meant. @throws UsageError */
export function askElsewhere(command: string, values: PlaceOptions): Promise<number> | undefined {
  const { node, 'all-nodes': everywhere, kubeconfig, ...rest } = values;
  if (everywhere && (node !== undefined || values.output === 'json')) {
    throw new UsageError('--all-nodes goes neither with --node nor with --output json');
  }
  const o = { kubeconfig, args: [command, ...wordsOf(rest)] };
  if (everywhere) return askEverywhere(o);
  return node === undefined ? undefined : askOn(node, o);
}

/** Asks the agent of one node, and hands on what it prints. @returns its exit code */
async function askOn(node: string, o: { kubeconfig: string | undefined; args: readonly string[] }): Promise<number> {
  const pods = await AgentPods.connect(o.kubeconfig);
  try {
    const { exitCode, stdout, stderr } = await pods.run(node, o.args);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    return exitCode;
  } finally {
    await pods.close();
  }
}

/** Asks the agents of all nodes, and prints each different answer once, that of most nodes first. @returns 0 if all answer */
async function askEverywhere(o: { kubeconfig: string | undefined; args: readonly string[] }): Promise<number> {
  const pods = await AgentPods.connect(o.kubeconfig);
  try {
    const answers = await pods.runOnAll(o.args);
    process.stdout.write(grouped(answers));
    return [...answers.values()].every(({ exitCode }) => exitCode === 0) ? 0 : 1;
  } finally {
    await pods.close();
  }
}

/** The options of a command again, as another process is to be given them. */
function wordsOf(options: Readonly<Record<string, string | boolean | undefined>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : `--${name}=${value}`));
}

/** The answers that differ, each with the nodes that gave it. */
export function grouped(answers: ReadonlyMap<string, Answer>): string {
  const groups = Map.groupBy([...answers.keys()].sort(), (node) => {
    const { stdout = '', stderr = '' } = answers.get(node) ?? {};
    return stdout + stderr;
  });
  return [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([answer, nodes]) => `${nodes.join(', ')}:\n${answer.replaceAll(/^(?=.)/gm, '  ')}`)
    .join('\n');
}
