import { AgentPods } from './agent-pods.ts';
import type { Answer } from './agent-pods.ts';

/** Asks the agent of one node, and hands on what it prints. @returns its exit code */
export async function askOn(
  node: string,
  o: { kubeconfig: string | undefined; args: readonly string[] },
): Promise<number> {
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
export async function askEverywhere(o: { kubeconfig: string | undefined; args: readonly string[] }): Promise<number> {
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
export function wordsOf(options: Readonly<Record<string, string | undefined>>): string[] {
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
