import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiServer } from '../apiserver/index.ts';
import { startKubeApiServer } from '../cluster/index.ts';
import { ManagedProcess, runCommand } from '../support/index.ts';

const program = join(import.meta.dirname, '../../dist/main.js');

/** An API server that people and their tools may do everything with, and an operator beside it. */
export interface Workbench {
  /** Path of a file that says how to get there. */
  readonly kubeconfig: string;
  kubectl(...args: string[]): Promise<string>;
  /** What comes from standard input is applied, or whatever the arguments say. */
  kubectlWith(input: string, ...args: string[]): Promise<string>;
  /** Starts an operator as its Deployment does; there are no agents, and no nodes but those that a test makes. */
  startOperator(namespace: string): ManagedProcess;
  stop(): Promise<void>;
}

/** The API server of test/apiserver, or a real one where $KUBEBUILDER_ASSETS names a folder with one. */
export async function startWorkbench(): Promise<Workbench> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-gitops-'));
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const server = assets ? await startKubeApiServer(assets, folder) : await startApiServer({ dataDirectory: folder });
  const env = { ...process.env, KUBECONFIG: server.kubeconfig };
  const kubectlWith = async (input: string | undefined, ...args: string[]) =>
    (await runCommand('kubectl', args, { env, timeout: 60_000, ...(input !== undefined && { input }) })).stdout;
  return {
    kubeconfig: server.kubeconfig,
    kubectl: (...args) => kubectlWith(undefined, ...args),
    kubectlWith,
    startOperator: (namespace) =>
      ManagedProcess.start({
        command: [
          ...[process.execPath, program, 'operator', '--image=nftproxy', '--http-port=0', '--leader-elect=false'],
          ...['--kubeconfig', server.kubeconfig, '--namespace', namespace],
          '--agent-api-server=https://192.0.2.10:6443',
        ],
      }),
    stop: async () => {
      await ('close' in server ? server.close() : server.stop());
      await rm(folder, { recursive: true, force: true });
    },
  };
}
