import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandError } from '../support/index.ts';
import { startCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';

const root = process.getuid?.() === 0;
/** A kube-apiserver reaches containers through kubelets, of which there is none here. */
const withKubelets = process.env['KUBEBUILDER_ASSETS'] === undefined;

describe.skipIf(!root || !withKubelets)('kubectl exec (needs root, and the API server in TypeScript)', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 1 });
    await cluster.runClientPod('client', 'node-1');
  });
  afterAll(() => cluster.stop());

  const failure = (...args: string[]): Promise<CommandError> =>
    cluster.kubectl('exec', ...args).then(
      () => expect.unreachable('it ended well'),
      (error: unknown) => {
        if (error instanceof CommandError) return error;
        throw error;
      },
    );

  test('runs a command where the container is, and keeps what it prints apart', async () => {
    const [address] = cluster.pods({ name: 'client' })[0]?.status?.podIPs ?? [];
    const script = 'ip -o -4 address show scope global; echo trouble >&2';
    const { stdout, stderr } = await cluster.kubectlWithInput(undefined, 'exec', 'client', '--', 'sh', '-c', script);
    expect(stdout).toContain(address?.ip);
    expect(stderr).toContain('trouble');
  });

  test('sends it what is typed, to the end', async () => {
    const { stdout } = await cluster.kubectlWithInput('one\ntwo\n', 'exec', '-i', 'client', '--', 'wc', '-l');
    expect(stdout.trim()).toBe('2');
  });

  test('ends as the command does, and says what there is not', async () => {
    expect((await failure('client', '--', 'sh', '-c', 'exit 7')).exitCode).toBe(7);
    expect((await failure('client', '-c', 'other', '--', 'true')).stderr).toContain('other');
    expect((await failure('nobody', '--', 'true')).stderr).toContain('pods "nobody" not found');
  });

  test('leaves the command no more than the container may do', async () => {
    const held = await cluster.kubectl('exec', 'client', '--', 'grep', 'CapBnd', '/proc/self/status');
    const pod = cluster.pods({ name: 'client' })[0];
    const status = pod && (await readFile(`/proc/${cluster.pid(pod)}/status`, 'utf8'));
    expect(status).toContain(held.trim());
    expect(held).not.toContain('ffffffffff');
  });
});
