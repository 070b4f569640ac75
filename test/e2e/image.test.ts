import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crdDirectory, packageFile } from '../../src/runtime/index.ts';
import { startCluster } from '../cluster/index.ts';
import type { Cluster, Pod } from '../cluster/index.ts';
import * as nftproxy from './nftproxy.ts';

const root = process.getuid?.() === 0;
const repository = join(import.meta.dirname, '../..');

describe.skipIf(!root)('the image that the Dockerfile describes (needs root)', { timeout: 180_000 }, () => {
  let cluster: Cluster;
  let files: string[];
  let megabytes: number;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 1 });
    const image = await cluster.image();
    files = readdirSync(image.folder, { recursive: true, encoding: 'utf8' });
    megabytes = image.bytes / 1e6;
    console.log(`the image adds ${megabytes.toFixed(1)} MB to ${image.base}`);
  }, 180_000);
  afterAll(() => cluster.stop(), 60_000);

  /** What the kernel says about the process of a pod. */
  function processStatus(pod: Pod): Record<string, string> {
    const lines = readFileSync(`/proc/${cluster.pid(pod)}/status`, 'utf8').split('\n');
    return Object.fromEntries(lines.map((line) => line.split(/:\s+/) as [string, string]));
  }

  test('starts the operator, which has its CRDs and puts them back, as a user without any capability', async () => {
    await nftproxy.installOperator(cluster);
    await cluster.kubectl('delete', 'crd', 'proxyconfigs.nftproxy.io');
    await cluster.waitFor('the CRD', () => cluster.kubectl('get', 'crd', 'proxyconfigs.nftproxy.io'));
    await cluster.kubectl('wait', '--for=condition=Established', 'crd/proxyconfigs.nftproxy.io', '--timeout=60s');
    const [pod] = cluster.pods({ labels: { 'app.kubernetes.io/name': 'nftproxy-operator' } });
    expect(processStatus(pod!)).toMatchObject({
      Uid: expect.stringMatching(/^1000\b/) as string,
      CapEff: '0'.repeat(16),
      Seccomp: '2', // a filter (proc(5))
    });
  });

  test('starts an agent, which programs its node, as root with CAP_NET_ADMIN alone', async () => {
    await nftproxy.configure(cluster);
    const status = processStatus(nftproxy.agentOn(cluster, 'node-1'));
    const netAdmin = (1n << 12n).toString(16).padStart(16, '0');
    expect(status).toMatchObject({
      Uid: expect.stringMatching(/^0\b/) as string,
      CapEff: netAdmin,
      NoNewPrivs: '1',
      Seccomp: '2',
    });
    expect(await nftproxy.rules(cluster, 'node-1')).toContain('map services4.1 {');
  });

  test('lets its processes see nothing else of the machine that runs them', () => {
    for (const pod of cluster.pods({ namespace: nftproxy.defaultNamespace })) {
      const seen = readdirSync(`/proc/${cluster.pid(pod)}/root`);
      expect(seen).toContain('nftproxy');
      expect(readdirSync(`/proc/${cluster.pid(pod)}/root/nftproxy`).toSorted()).toEqual([
        'crds',
        'dist',
        'node_modules',
        'package.json',
      ]);
      for (const folder of ['home', 'root', 'work', 'opt', 'srv']) expect(seen).not.toContain(folder);
      // Where the kubelet hands on what agents are told of the API servers.
      if (seen.includes('run')) expect(readdirSync(`/proc/${cluster.pid(pod)}/root/run`)).toEqual(['nftproxy']);
    }
  });

  test('leaves nothing of what its processes mount on this machine', () => {
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(cluster.workDir);
  });

  test('holds no development dependency, no TypeScript, no source map and no test', () => {
    const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const held = Object.keys(packages).filter((path) => files.includes(`nftproxy/${path}`));
    expect(held).toContain('node_modules/koffi');
    expect(held.filter((path) => packages[path]?.dev === true)).toEqual([]);
    expect(files.filter((file) => /\.[cm]?ts$|\.map$/.test(file))).toEqual([]);
    expect(files.filter((file) => /^nftproxy\/dist\/.*(\.test\.|\/testing\/)/.test(file))).toEqual([]);
  });

  test('holds every file that the program reads at run time', () => {
    for (const path of [packageFile, crdDirectory]) expect(files).toContain(`nftproxy/${relative(repository, path)}`);
  });

  test('holds a program of few files, which needs no package but koffi for all that runs on a node', async () => {
    const { folder } = await cluster.image();
    const program = files.filter((file) => file.startsWith('nftproxy/dist/'));
    expect(program.length).toBeLessThan(40); // some for each command
    const copy = mkdtempSync(join(tmpdir(), 'nftproxy-program-'));
    try {
      const needed = ['dist', 'package.json', 'node_modules/koffi', 'node_modules/@koromix'];
      for (const name of needed) cpSync(join(folder, 'nftproxy', name), join(copy, name), { recursive: true });
      const run = (...args: string[]) => spawnSync(process.execPath, [join(copy, 'dist/main.js'), ...args]).status;
      for (const command of ['agent', 'explain', 'cleanup'])
        expect([command, run(command, '--help')]).toEqual([command, 0]);
      // What an agent without an operator reads its configuration with.
      expect(run('crds', '--out', join(copy, 'crds'))).toBe(0);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  test('is as large as docs/operations.md says', () => {
    const text = readFileSync(join(repository, 'docs/operations.md'), 'utf8');
    const documented = Number(/The image adds (\d+) MB/.exec(text)?.[1]);
    expect(Math.abs(documented - megabytes)).toBeLessThan(documented / 10);
  });
});
