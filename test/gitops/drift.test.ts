import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { eventually } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { startWorkbench } from './api-servers.ts';
import type { Workbench } from './api-servers.ts';
import { config, nameOf, objectsOf, rendered } from './manifests.ts';
import type { Manifest } from './manifests.ts';

const namespace = 'nftproxy-system';
const declared = [...rendered(join(config, 'default')), ...rendered(join(config, 'samples'))];

/** How a tool brings what is in Git into a cluster, and how it knows its objects again. */
interface Tool {
  readonly name: string;
  readonly apply: readonly string[];
  readonly mark: (object: Manifest) => Manifest;
}

const serverSide = (manager: string) => ['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`];
const marked = (object: Manifest, where: 'labels' | 'annotations', marks: Record<string, string>): Manifest => ({
  ...object,
  metadata: { ...object.metadata, [where]: { ...object.metadata[where], ...marks } },
});

const trackingId = 'argocd.argoproj.io/tracking-id';
const fluxName = 'kustomize.toolkit.fluxcd.io/name';
const tools: readonly Tool[] = [
  { name: 'kubectl apply', apply: ['apply'], mark: (object) => object },
  {
    name: 'Argo CD',
    apply: serverSide('argocd-controller'),
    mark: (object) => marked(object, 'annotations', { [trackingId]: `nftproxy:${nameOf(object)}` }),
  },
  {
    name: 'Flux',
    apply: serverSide('kustomize-controller'),
    mark: (object) =>
      marked(object, 'labels', { [fluxName]: 'nftproxy', 'kustomize.toolkit.fluxcd.io/namespace': 'x' }),
  },
];

/** By sync waves, then CRDs and namespaces before all others: the order that both tools have. */
function stages(objects: readonly Manifest[]): Manifest[][] {
  const first = ['Namespace', 'CustomResourceDefinition'];
  const wave = ({ metadata }: Manifest) => Number(metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? 0);
  const stage = (object: Manifest) => wave(object) * 2 + (first.includes(object.kind) ? 0 : 1);
  const found = [...new Set(objects.map(stage))].sort((a, b) => a - b);
  return found.map((number) => objects.filter((object) => stage(object) === number));
}

describe.each(tools)('what $name has applied', { timeout: 120_000 }, ({ apply, mark }) => {
  let bench: Workbench;
  let operator: ManagedProcess | undefined;
  const inGit = declared.map(mark);

  beforeAll(async () => {
    bench = await startWorkbench();
  }, 90_000);
  afterAll(async () => {
    await operator?.stop(5000);
    await bench.stop();
  }, 60_000);

  const yaml = (objects: readonly object[]) => objects.map((object) => stringify(object)).join('---\n');
  async function sync(): Promise<void> {
    for (const stage of stages(inGit)) {
      await bench.kubectlWith(yaml(stage), ...apply, '-f', '-');
      const crds = stage.filter(({ kind }) => kind === 'CustomResourceDefinition');
      for (const crd of crds)
        await bench.kubectl('wait', '--for=condition=Established', `crd/${crd.metadata.name}`, '--timeout=60s');
    }
  }

  /** All objects as the cluster has them, but for what is others' by design and what moves with every look. */
  async function live(): Promise<object[]> {
    const out = await bench.kubectlWith(yaml(inGit), 'get', '-f', '-', '-o', 'yaml', '--show-managed-fields=false');
    const { items } = objectsOf(out)[0] as unknown as { items: Manifest[] };
    return items.map((object) => {
      const seen = structuredClone(object) as { status?: object; metadata: { resourceVersion?: string } };
      delete seen.status;
      delete seen.metadata.resourceVersion;
      return seen;
    });
  }

  const get = (...args: string[]) => bench.kubectl('get', ...args);

  test('arrives in one pass, the ProxyConfig included', async () => {
    await sync();
    expect(await live()).toHaveLength(inGit.length);
  });

  test('does not change when it is applied again', async () => {
    const before = await live();
    await sync();
    expect(await live()).toEqual(before);
  });

  test('is as it was after an operator has worked with it and another one has followed', async () => {
    const before = await live();
    await bench.kubectlWith(
      yaml([{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } }]),
      'apply',
      '-f',
      '-',
    );
    for (const node of ['node-1', 'node-2']) {
      if (node === 'node-2')
        await bench.kubectlWith(
          yaml([{ apiVersion: 'v1', kind: 'Node', metadata: { name: node } }]),
          'apply',
          '-f',
          '-',
        );
      operator = bench.startOperator(namespace);
      await eventually(`the ProxyNodeState of ${node}`, () => get('nftps', node), {
        seconds: 60,
        evidence: () => `; the operator said:\n${operator?.output ?? ''}`,
      });
      await eventually(
        'a word on the ProxyConfig',
        async () => (await get('nftpc', 'default', '-o', 'jsonpath={.status.observedGeneration}')) === '1',
      );
      if (node === 'node-1') await operator.stop(5000);
    }
    expect(await live()).toEqual(before);
    await sync();
    expect(await live()).toEqual(before);
  });

  test('is still followed by the operator, which had nothing to put back', async () => {
    expect(operator?.output).not.toContain('put it back');
    expect(await get('events', '-A', '-o', 'jsonpath={.items[*].reason}')).not.toContain('CRDRestored');
  });

  test('is all that a tool would remove with it: what the operator makes carries no mark of others', async () => {
    const made = ['daemonset/nftproxy-agent', 'configmap/nftproxy-api-servers'];
    const own = objectsOf(await get('-n', namespace, ...made, '-o', 'yaml'))[0] as unknown as { items: Manifest[] };
    const states = objectsOf(await get('nftps', '-o', 'yaml'))[0] as unknown as { items: Manifest[] };
    expect(own.items).toHaveLength(2);
    expect(states.items).toHaveLength(2);
    for (const { metadata } of [...own.items, ...states.items]) {
      const marks = Object.keys({ ...metadata.labels, ...metadata.annotations });
      expect(marks.filter((key) => /argocd|fluxcd|app.kubernetes.io\/instance|last-applied/.test(key))).toEqual([]);
    }
  });
});
