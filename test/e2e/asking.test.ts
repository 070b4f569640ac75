import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadConnection } from '../../src/kubernetes/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { ManagedProcess } from '../support/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
/** A kube-apiserver reaches containers through kubelets, of which there is none here. */
const withKubelets = process.env['KUBEBUILDER_ASSETS'] === undefined;

interface Asked {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What somebody may do who is to ask agents, and nothing else. */
const asker = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'asks-agents' },
  rules: [
    { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
  ],
};

describe.skipIf(!root || !withKubelets)(
  'a node is asked from anywhere (needs root, and the API server in TypeScript)',
  { timeout: 180_000 },
  () => {
    let cluster: Cluster;
    let ip: string;
    beforeAll(async () => {
      ({ cluster, ip } = await nftproxy.startWithTraffic(3, {}));
    }, 180_000);
    afterAll(() => cluster.stop(), 60_000);

    /** The program of this machine, as an administrator runs it or as somebody else. */
    async function ask(args: readonly string[], kubeconfig = cluster.kubeconfig): Promise<Asked> {
      const command = [process.execPath, await cluster.program(), ...args];
      const asking = ManagedProcess.start({ command, env: { ...process.env, KUBECONFIG: kubeconfig } });
      return { exitCode: (await asking.ended).exitCode, ...asking.printed };
    }

    const explain = (...more: string[]): string[] => ['explain', '--to', `${ip}:80`, '--from', '10.244.1.77', ...more];

    /** The kubeconfig of a service account of nobody's. */
    async function kubeconfigOf(name: string, rules: readonly object[]): Promise<string> {
      const binding = {
        ...{ apiVersion: asker.apiVersion, kind: 'ClusterRoleBinding', metadata: { name } },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', namespace: 'default', name }],
      };
      await nftproxy.apply(cluster, { ...asker, metadata: { name }, rules }, binding);
      const subject = {
        namespace: 'default',
        serviceAccount: name,
        pod: { name: 'none', uid: 'none', nodeName: 'none' },
      };
      const { server } = await loadConnection({ kubeconfig: cluster.kubeconfig });
      const file = join(cluster.workDir, `${name}.kubeconfig`);
      const config = {
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'one' },
        clusters: [
          {
            name: 'one',
            cluster: {
              server,
              'certificate-authority-data': Buffer.from(cluster.apiServer.certificateAuthority).toString('base64'),
            },
          },
        ],
        users: [{ name: 'one', user: { token: await cluster.apiServer.issueToken(subject) } }],
        contexts: [{ name: 'one', context: { cluster: 'one', user: 'one' } }],
      };
      await writeFile(file, stringify(config));
      return file;
    }

    test('it says what it says on the node itself', async () => {
      const there = await cluster.nodeExec('node-2', process.execPath, await cluster.program(), ...explain());
      const here = await ask(explain('--node', 'node-2'));
      expect(here).toEqual({ exitCode: 0, stdout: there, stderr: '' });
      expect(there).toContain('Service: default/echo');
    });

    test('what is wrong with a question is told without asking anybody', async () => {
      const { exitCode, stderr } = await ask(['explain', '--to', 'here', '--node', 'node-2'], '/nowhere');
      expect(exitCode).toBe(2);
      expect(stderr).toContain('--to is "here"');
    });

    test('all nodes are asked at once, and what they agree on is said once', async () => {
      const { exitCode, stdout } = await ask(explain('--all-nodes'));
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^node-1, node-2, node-3:\n {2}tcp from 10\.244\.1\.77/);
      const nodePort = ['explain', '--to', '172.30.0.11:30999', '--from', '172.30.0.12', '--all-nodes'];
      expect((await ask(nodePort)).stdout).toMatch(/^node-1, node-3:\n( {2}.*\n)+\nnode-2:\n( {2}.*\n)+$/);
    });

    test('virtual servers are shown as connections are explained: of one node, or of all', async () => {
      const none = 'IPVS serves no Service here\n';
      expect(await ask(['ipvs', '--node', 'node-1'])).toEqual({ exitCode: 0, stdout: none, stderr: '' });
      expect((await ask(['ipvs', '--node', 'node-1', '-o', 'json'])).stdout).toBe('[]\n');
      const { exitCode, stdout } = await ask(['ipvs', '--all-nodes']);
      expect([exitCode, stdout]).toEqual([0, `node-1, node-2, node-3:\n  ${none}`]);
    });

    test('preflight looks at one node or at all, and Blocking anywhere is exit code 1', async () => {
      const one = await ask(['preflight', '--node', 'node-2']);
      expect(one).toMatchObject({ exitCode: 0, stderr: '' });
      expect(one.stdout).toMatch(/^NODE +PREFLIGHT\nnode-2 +(?:Passed|Warning)\n/);
      await cluster.nodeExec('node-3', 'nft', 'add table ip fw');
      const chain = 'add chain ip fw guard { type filter hook forward priority 10; policy drop; }';
      await cluster.nodeExec('node-3', 'nft', chain);
      const all = await ask(['preflight', '--all-nodes']);
      await cluster.nodeExec('node-3', 'nft', 'delete table ip fw');
      expect(all).toMatchObject({ exitCode: 0, stderr: '' });
      expect(all.stdout).toMatch(/^NODE .*\n(?:node-\d .*\n){3}/);
      expect(all.stdout).toMatch(/^Warning +foreign-rules +.* ip fw guard\n.*\n +on node-3$/m);
      const elsewhere = await ask(['preflight', '--node', 'node-9']);
      expect(elsewhere).toMatchObject({ exitCode: 1, stdout: '' });
      expect(elsewhere.stderr).toContain('the cluster has no Node "node-9"');
      expect((await ask(['preflight', '--node', 'node-1', '--all-nodes'])).exitCode).toBe(2);
    });

    test('every node has said in its status what was found of it', async () => {
      const states = await cluster.kubectl('get', 'nftps', '-o', 'json');
      const types = states.match(/"type": "Preflight"/g);
      expect(types).toHaveLength(3);
    });

    test('what a changed ProxyConfig would write on a node is told, and is what it then writes', async () => {
      const file = join(cluster.workDir, 'changed.yaml');
      const change = async (spec: object, name = 'default'): Promise<Asked> => {
        const changed = { ...nftproxy.proxyConfig(spec), metadata: { name } };
        await writeFile(file, stringify(changed));
        return ask(['diff', '-f', file, '--node', 'node-2']);
      };
      expect(await change({})).toMatchObject({ exitCode: 0, stderr: '' });
      const maglev = { loadBalancing: { algorithm: 'maglev', maglev: { tableSize: 251 } } };
      const { exitCode, stdout } = await change(maglev);
      expect(exitCode).toBe(1);
      expect(stdout).toContain('loadBalancing.algorithm: "random" -> "maglev"');
      const ours = async () => (await nftproxy.elements(cluster, 'node-2', 'endpoints4')).length;
      const before = await ours();
      const [, deleted, added] = /^endpoints4: (\d+) deleted, (\d+) added$/m.exec(stdout) ?? [];
      await nftproxy.configure(cluster, maglev);
      expect(await ours()).toBe(before - Number(deleted) + Number(added));
      const other = await change({ ...maglev, priority: -1 }, 'other');
      expect(other).toMatchObject({ exitCode: 0, stderr: '' });
      expect(other.stdout).toContain('ProxyConfig default (priority 0) governs node node-2 before ProxyConfig other');
      expect((await change({ nodeSelector: { matchLabels: { no: 'node' } } })).stdout).toContain(
        'does not select node node-2',
      );
    });

    test('whoever may exec into the agents’ Pods may ask, and others read what they lack', async () => {
      const allowed = await kubeconfigOf('may-ask', asker.rules);
      expect(await ask(explain('--node', 'node-1'), allowed)).toMatchObject({ exitCode: 0, stderr: '' });
      const [pods, exec] = asker.rules;
      const lacks = async (name: string, rules: (object | undefined)[]): Promise<Asked> =>
        ask(
          explain('--node', 'node-1'),
          await kubeconfigOf(
            name,
            rules.filter((rule) => rule !== undefined),
          ),
        );
      for (const [name, rules, missing] of [
        ['lists-nothing', [exec], 'cannot list resource "pods"'],
        ['execs-nothing', [pods], 'cannot get resource "pods/exec"'],
        ['creates-nothing', [pods, { ...exec, verbs: ['get'] }], 'cannot create resource "pods/exec"'],
      ] as const) {
        const { exitCode, stderr } = await lacks(name, [...rules]);
        expect([exitCode, stderr.trim().split('\n').length]).toEqual([1, 1]);
        expect(stderr).toContain(missing);
      }
    });

    test('a node that cannot be asked says why, in one line', async () => {
      const why = async (node: string): Promise<string> => {
        const { exitCode, stdout, stderr } = await ask(explain('--node', node));
        expect([exitCode, stdout, stderr.trim().split('\n').length]).toEqual([1, '', 1]);
        return stderr;
      };
      expect(await why('node-9')).toContain('the cluster has no Node "node-9"');
      const agent = nftproxy.agentOn(cluster, 'node-3');
      const unreachable = { metadata: { labels: { 'app.kubernetes.io/component': 'not-any-more' } } };
      await cluster.kubectl(
        ...['patch', '-n', agent.metadata.namespace ?? '', 'pod', agent.metadata.name, '-p'],
        JSON.stringify(unreachable),
      );
      expect(await why('node-3')).toContain('no agent of nftproxy runs on node node-3');
    });
  },
);
