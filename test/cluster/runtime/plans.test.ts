import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { containerCommand, containerEnvironment, expandVariables } from './container-command.ts';
import { restartDelay } from './container.ts';
import { planDaemonSet } from './daemonsets.ts';
import { planDeployment } from './deployments.ts';
import { desiredSlices } from './endpointslices.ts';
import type { DaemonSet, Deployment, Node, Pod, Service } from './objects.ts';
import { ProbeJudge } from './probes.ts';
import { placeOf } from './scheduling.ts';
import { WorkQueue } from './work-queue.ts';

const nodes: Node[] = ['a', 'b', 'c'].map((name) => ({
  metadata: { name, labels: { name, 'topology.kubernetes.io/zone': `zone-${name}` } },
}));
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'x', image: 'echo' }] } };
const metadata = { name: 'x', namespace: 'default', uid: 'owner', generation: 4 };
const selector = { matchLabels: { app: 'x' } };
const daemonSet: DaemonSet = { metadata, spec: { selector, template } };

function deployment(replicas: number): Deployment {
  return { metadata, spec: { replicas, selector, template } };
}

/** The pod as the API server would have it a little later. */
function running(pod: Pod, ready = true): Pod {
  return {
    ...pod,
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      podIPs: [{ ip: '10.244.1.2' }, { ip: 'fd00:10:244:1::2' }],
    },
  };
}

function terminating(pod: Pod): Pod {
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
}

describe('a DaemonSet', () => {
  test('gets one pod on every node that its selectors choose', () => {
    const plan = planDaemonSet(daemonSet, nodes, []);
    expect(plan.create.map((pod) => pod.spec.nodeName)).toEqual(['a', 'b', 'c']);
    const chosen = structuredClone(daemonSet);
    chosen.spec.template.spec.nodeSelector = { name: 'b' };
    expect(planDaemonSet(chosen, nodes, []).create.map((pod) => pod.spec.nodeName)).toEqual(['b']);
  });

  test('has a pod on a node without room, too, which waits there unbound', () => {
    const spec = structuredClone(daemonSet);
    spec.spec.template.spec.containers[0]!.resources = { requests: { cpu: '2' } };
    const [small, large] = ['1', '4'].map((cpu) => ({
      metadata: { name: `has-${cpu}` },
      status: { allocatable: { cpu } },
    }));
    const { create } = planDaemonSet(spec, [small!, large!], []);
    expect(create.map((pod) => [placeOf(pod), pod.spec.nodeName])).toEqual([
      ['has-1', undefined],
      ['has-4', 'has-4'],
    ]);
    expect(planDaemonSet(spec, [small!, large!], create).create).toEqual([]);
  });

  test('is at rest when all pods run, and counts them', () => {
    const pods = planDaemonSet(daemonSet, nodes, []).create.map((pod) => running(pod));
    const plan = planDaemonSet(daemonSet, nodes, pods);
    expect([plan.create, plan.remove]).toEqual([[], []]);
    expect(plan.status).toMatchObject({
      desiredNumberScheduled: 3,
      numberReady: 3,
      updatedNumberScheduled: 3,
      observedGeneration: 4,
    });
  });

  test('replaces one ready pod at a time, and waits for a pod that is going before it makes the next', () => {
    const old = planDaemonSet(daemonSet, nodes, []).create.map((pod) => running(pod));
    const changed = structuredClone(daemonSet);
    changed.spec.template.spec.containers[0]!.image = 'pause';
    const first = planDaemonSet(changed, nodes, old);
    expect(first.remove).toHaveLength(1);
    const meanwhile = planDaemonSet(changed, nodes, [terminating(old[0]!), old[1]!, old[2]!]);
    expect([meanwhile.create, meanwhile.remove]).toEqual([[], []]);
  });
});

describe('a Deployment', () => {
  test('spreads its pods over the nodes', () => {
    const plan = planDeployment(deployment(6), nodes, [], '');
    const perNode = Object.groupBy(plan.create, (pod) => pod.spec.nodeName ?? '');
    expect(Object.values(perNode).map((pods) => pods?.length)).toEqual([2, 2, 2]);
  });

  test('scales down where most pods are, those that are not ready first', () => {
    const pods = planDeployment(deployment(4), nodes, [], '').create.map((pod, index) => running(pod, index !== 1));
    const { remove } = planDeployment(deployment(2), nodes, pods, '');
    expect(remove[0]).toBe(pods[1]);
    expect(remove[1]?.spec.nodeName).toBe('a');
  });

  test('makes a pod of a new template before it removes one of the old', () => {
    const old = planDeployment(deployment(2), nodes, [], '').create.map((pod) => running(pod));
    const changed = structuredClone(deployment(2));
    changed.spec.template.spec.containers[0]!.image = 'pause';
    const first = planDeployment(changed, nodes, old, '');
    expect([first.create.length, first.remove.length]).toEqual([1, 0]);
    const second = planDeployment(changed, nodes, [...old, running(first.create[0]!)], '');
    expect([second.create.length, second.remove.length]).toEqual([0, 1]);
  });
});

describe('a Deployment whose pods need a port of their node', () => {
  const [a] = nodes as [Node];
  const onHost = (image: string): Deployment => {
    const ports = [{ containerPort: 80, hostPort: 80 }];
    const spec = { hostNetwork: true, containers: [{ name: 'x', image, ports }] };
    const strategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };
    return { metadata, spec: { replicas: 2, selector, template: { ...template, spec }, strategy } };
  };
  const old = planDeployment(onHost('echo'), [a], [], '').create.map((pod) => running(pod));

  test('gets one on each node, and is available with the one that it may not do without', () => {
    expect(old).toHaveLength(1);
    const { create, status } = planDeployment(onHost('echo'), [a], old, '');
    expect(create).toEqual([]);
    const available = { type: 'Available', status: 'True' };
    expect(status).toMatchObject({ conditions: [available, {}], unavailableReplicas: 1 });
  });

  test('makes the new one when the old has gone, with its port', () => {
    const changed = onHost('pause');
    const both = [...old, running({ ...old[0]!, spec: { ...old[0]!.spec, nodeName: 'b' } })];
    const first = planDeployment(changed, nodes.slice(0, 2), both, '');
    expect([first.create, first.remove.length]).toEqual([[], 1]);
    const going = [terminating(both[0]!), both[1]!];
    expect(planDeployment(changed, nodes.slice(0, 2), going, '')).toMatchObject({ create: [], remove: [] });
    expect(planDeployment(changed, nodes.slice(0, 2), [both[1]!], '').create.map(({ spec }) => spec.nodeName)).toEqual([
      'a',
    ]);
  });
});

describe('EndpointSlices', () => {
  const service: Service = {
    metadata,
    spec: { selector: { app: 'x' }, ipFamilies: ['IPv4', 'IPv6'], ports: [{ port: 80, targetPort: 'http' }] },
  };
  const [pod] = planDaemonSet(daemonSet, nodes, []).create.map((created) => running(created));
  pod!.spec.containers[0]!.ports = [{ name: 'http', containerPort: 8080 }];
  const byName = new Map(nodes.map((node) => [node.metadata.name, node]));
  const conditions = (pods: Pod[], of = service) =>
    desiredSlices(of, pods, byName, '').map((slice) => slice.endpoints[0]?.conditions);

  test('hold addresses by family, with node, zone and named ports', () => {
    const slices = desiredSlices(service, [pod!], byName, '');
    expect(slices.map((slice) => slice.addressType)).toEqual(['IPv4', 'IPv6']);
    expect(slices[1]?.endpoints[0]).toMatchObject({ addresses: ['fd00:10:244:1::2'], nodeName: 'a', zone: 'zone-a' });
    expect(slices[0]?.ports).toEqual([{ name: '', port: 8080, protocol: 'TCP' }]);
  });

  test('tell ready, serving and terminating apart', () => {
    expect(conditions([pod!])[0]).toEqual({ ready: true, serving: true, terminating: false });
    expect(conditions([terminating(pod!)])[0]).toEqual({ ready: false, serving: true, terminating: true });
    const early = structuredClone(service);
    early.spec.publishNotReadyAddresses = true;
    expect(conditions([running(pod!, false)], early)[0]).toEqual({ ready: true, serving: false, terminating: false });
  });

  test('are not made for a Service without selector', () => {
    expect(desiredSlices({ metadata, spec: {} }, [pod!], byName, '')).toEqual([]);
  });
});

describe('a container', () => {
  test('gets $(VAR) replaced as the API documents', () => {
    expect(expandVariables('$(A)-$$(A)-$(B)', { A: '1' })).toBe('1-$(A)-$(B)');
  });

  test('runs the entry point of its image, whatever registry and tag', () => {
    const container = { name: 'x', image: 'registry.example/a/nftproxy:v1', args: ['agent', '--node-name=$(N)'] };
    const entrypoint = ['node', '/app/main.js'];
    expect(containerCommand(container, { N: 'n1' }, entrypoint)).toEqual([...entrypoint, 'agent', '--node-name=n1']);
    expect(containerCommand({ name: 'x', image: 'docker.io/pause@sha256:0' }, {})).toEqual(['sleep', 'infinity']);
  });

  test('of the image kube-proxy runs it by the path that kubeadm says', () => {
    const command = ['/usr/local/bin/kube-proxy', '--config=/var/lib/kube-proxy/config.conf'];
    const container = { name: 'kube-proxy', image: 'registry.k8s.io/kube-proxy:v1.36.2', command };
    const entrypoint = ['node', 'kube-proxy-main.ts'];
    expect(containerCommand(container, {}, entrypoint)).toEqual([...entrypoint, ...command.slice(1)]);
  });

  test('of an unknown image needs a command', () => {
    expect(() => containerCommand({ name: 'x', image: 'nginx' }, {})).toThrow('image nginx does not exist');
    expect(containerCommand({ name: 'x', image: 'nginx', command: ['true'] }, {})).toEqual(['true']);
  });

  test('is told about sources of variables that do not work here', () => {
    const place = { nodeName: 'a', hostIPs: ['1.1.1.1'], podIPs: ['2.2.2.2'] };
    const variable = (fieldPath: string) => ({ name: 'V', valueFrom: { fieldRef: { fieldPath } } });
    const env = (fieldPath: string) =>
      containerEnvironment(
        { metadata, spec: { containers: [] } },
        { name: 'x', image: 'x', env: [variable(fieldPath)] },
        place,
        {},
      );
    expect(env('status.podIP')['V']).toBe('2.2.2.2');
    expect(() => env('status.phase')).toThrow('env V');
  });

  test('restarts at once, then ever later up to a bound', () => {
    expect([0, 1, 2, 3, 10].map(restartDelay)).toEqual([0, 200, 400, 800, 2000]);
  });
});

describe('a probe', () => {
  test('counts as failed only after failureThreshold periods, however often it was asked', () => {
    const judge = new ProbeJudge({ periodSeconds: 1, failureThreshold: 3 });
    expect(judge.changes(true, 0)).toBe(true);
    expect([100, 600, 1100, 2050].map((now) => judge.changes(false, now))).toEqual([false, false, false, false]);
    expect(judge.changes(false, 2100)).toBe(true);
    expect(judge.changes(true, 2200)).toBe(true);
  });
});

describe('a work queue', () => {
  test('handles a key that was added many times once, and tries again after a failure', async () => {
    let calls = 0;
    const errors: unknown[] = [];
    const queue = new WorkQueue(
      async () => {
        calls += 1;
        await sleep(1);
        if (calls === 1) throw new Error('once');
      },
      (_key, error) => errors.push(error),
    );
    for (let index = 0; index < 10; index += 1) queue.add('a');
    await expect.poll(() => calls, { timeout: 5000 }).toBe(2);
    await queue.stop();
    expect(errors).toHaveLength(1);
  });
});
