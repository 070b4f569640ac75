import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { Json } from './json.ts';
import type { Outcome, Subject } from './testing/server.ts';
import { gadgetDefinition, subjects } from './testing/server.ts';

// What kubectl sees, in the words of Kubernetes 1.36. With KUBEBUILDER_ASSETS the real server must say the same.
describe.each(subjects)('%s', { timeout: 120_000 }, (_, start) => {
  let subject: Subject;
  const kubectl = (...args: string[]): Promise<Outcome> => subject.kubectl(args);
  const apply = (manifest: Json, ...flags: string[]): Promise<Outcome> =>
    subject.kubectl(['apply', ...flags, '-f', '-'], stringify(manifest));
  const gadget = (name: string, spec: Json): Json => ({
    ...{ apiVersion: 'test.nftproxy.io/v1alpha1', kind: 'Gadget', metadata: { name }, spec },
  });
  const service = (name: string, spec: Json): Json => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
  const field = async (object: string, path: string): Promise<string> =>
    (await kubectl('get', object, '-o', `jsonpath=${path}`)).output;

  beforeAll(async () => {
    subject = await start();
    expect(await kubectl('apply', '-f', gadgetDefinition)).toMatchObject({ code: 0 });
    const established = ['wait', '--for=condition=Established', 'crd/gadgets.test.nftproxy.io', '--timeout=30s'];
    expect(await kubectl(...established)).toMatchObject({ code: 0 });
    await vi.waitFor(async () => expect(await kubectl('get', 'gdg')).toMatchObject({ code: 0 }), { timeout: 30_000 });
  }, 120_000);

  afterAll(() => subject.stop());

  describe('custom resources', () => {
    test('applying twice changes nothing, and defaults are filled in', async () => {
      expect((await apply(gadget('twice', { mode: 'nftables' }))).output).toBe(
        'gadget.test.nftproxy.io/twice created\n',
      );
      expect((await apply(gadget('twice', { mode: 'nftables' }))).output).toBe(
        'gadget.test.nftproxy.io/twice unchanged\n',
      );
      expect(JSON.parse(await field('gdg/twice', '{.spec}'))).toEqual({
        mode: 'nftables',
        priority: 0,
        rollout: { maxUnavailable: '10%' },
      });
    });

    test.each<[string, Json, string]>([
      [
        'a word outside the enum',
        { mode: 'x' },
        'spec.mode: Unsupported value: "x": supported values: "nftables", "iptables"',
      ],
      ['a missing field', {}, 'spec.mode: Required value'],
      [
        'a wrong type',
        { mode: 'nftables', priority: 'x' },
        'spec.priority: Invalid value: "string": spec.priority in body must be of type integer: "string"',
      ],
      [
        'too large a number',
        { mode: 'nftables', priority: 5000 },
        'spec.priority: Invalid value: 5000: spec.priority in body should be less than or equal to 1000',
      ],
      [
        'text that does not match',
        { mode: 'nftables', tag: 'A' },
        `spec.tag: Invalid value: "A": spec.tag in body should match '^[a-z]*$'`,
      ],
      ['too long a text', { mode: 'nftables', tag: 'abcdefghijk' }, 'spec.tag: Too long: may not be more than 8 bytes'],
      [
        'too many items',
        { mode: 'nftables', cidrs: ['a', 'b', 'c', 'd', 'e'] },
        'spec.cidrs: Too many: 5: must have at most 4 items',
      ],
      ['a duplicate in a set', { mode: 'nftables', cidrs: ['a', 'a'] }, 'spec.cidrs[1]: Duplicate value: "a"'],
      [
        'a duplicate key in a list',
        { mode: 'nftables', ports: [{ port: 80 }, { port: 80, protocol: 'TCP' }] },
        'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}',
      ],
      [
        'a rule of its own that fails',
        { mode: 'nftables', rollout: { maxUnavailable: '0%' } },
        'spec.rollout.maxUnavailable: Invalid value: "0%": must be a positive number or a percentage between 1% and 100%',
      ],
      [
        'a rule that words its message itself',
        { mode: 'nftables', rollout: { maxUnavailable: 7 } },
        'spec.rollout.maxUnavailable: Forbidden: seven is out of luck: 7',
      ],
      ['an unknown field', { mode: 'nftables', foo: 1 }, 'strict decoding error: unknown field "spec.foo"'],
    ])('refuses %s', async (_what, spec, message) => {
      const { code, errors } = await apply(gadget('wrong', spec));
      expect(errors).toContain(message);
      expect(code).not.toBe(0);
    });

    test('an ill-formed object says that its rules were not checked', async () => {
      const { errors } = await apply(gadget('wrong', { mode: 'x' }));
      expect(errors).toContain('<nil>: Invalid value: null: some validation rules were not checked');
    });

    test('a transition rule sees the object before', async () => {
      await apply(gadget('moves', { mode: 'nftables' }));
      const { errors } = await apply(gadget('moves', { mode: 'iptables' }));
      expect(errors).toBe('The Gadget "moves" is invalid: spec: Invalid value: mode may only change to nftables\n');
    });

    test('a warning about unknown fields is enough for those who ask for no more', async () => {
      const manifest = stringify(gadget('warned', { mode: 'nftables', foo: 1 }));
      const { errors, output } = await subject.kubectl(['create', '--validate=warn', '-f', '-'], manifest);
      expect(errors).toContain('Warning: unknown field "spec.foo"');
      expect(output).toContain('created');
      expect(await field('gdg/warned', '{.spec.foo}')).toBe('');
    });

    test('columns, wide columns and kubectl wait follow the status', async () => {
      await apply(gadget('shown', { mode: 'nftables' }));
      const status = { nodes: 3, conditions: [{ type: 'Ready', status: 'True', message: 'fine' }] };
      const patch = JSON.stringify({ status, spec: { mode: 'iptables' } });
      await kubectl('patch', 'gdg', 'shown', '--subresource=status', '--type=merge', '-p', patch);
      const table = (await kubectl('get', 'gdg', 'shown')).output.split('\n');
      expect(table[0]).toMatch(/^NAME +MODE +NODES +READY +AGE$/);
      expect(table[1]).toMatch(/^shown +nftables +3 +True +\d+s$/);
      expect((await kubectl('get', 'gdg', 'shown', '-o', 'wide')).output).toMatch(/MESSAGE.*\n.*fine/);
      expect((await kubectl('get', 'gadgetry')).output).toContain('shown');
      expect(await kubectl('wait', '--for=condition=Ready', 'gdg/shown', '--timeout=5s')).toMatchObject({ code: 0 });
    });

    test('a new spec counts a generation, a new status or label does not', async () => {
      await apply(gadget('counted', { mode: 'nftables' }));
      await kubectl('label', 'gdg', 'counted', 'a=b');
      await kubectl('patch', 'gdg', 'counted', '--subresource=status', '--type=merge', '-p', '{"status":{"nodes":1}}');
      expect(await field('gdg/counted', '{.metadata.generation}')).toBe('1');
      await kubectl('patch', 'gdg', 'counted', '--type=merge', '-p', '{"spec":{"priority":7},"status":{"nodes":9}}');
      expect(await field('gdg/counted', '{.metadata.generation} {.status.nodes}')).toBe('2 1');
    });

    test('a replacement of something older is a conflict', async () => {
      await apply(gadget('raced', { mode: 'nftables' }));
      const before = (await kubectl('get', 'gdg', 'raced', '-o', 'json')).output;
      await kubectl('label', 'gdg', 'raced', 'a=b');
      const { errors } = await subject.kubectl(['replace', '-f', '-'], before);
      expect(errors).toContain(
        'Operation cannot be fulfilled on gadgets.test.nftproxy.io "raced": the object has been modified',
      );
    });

    test('a dry run answers as if, and stores nothing', async () => {
      const { output } = await apply(gadget('dry', { mode: 'nftables' }), '--dry-run=server');
      expect(output).toContain('created (server dry run)');
      expect((await kubectl('get', 'gdg', 'dry')).errors).toContain('gadgets.test.nftproxy.io "dry" not found');
    });

    test('a finalizer holds a deleted object until it is gone', async () => {
      await apply(gadget('held', { mode: 'nftables' }));
      await kubectl('patch', 'gdg', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":["nftproxy.io/test"]}}');
      await kubectl('delete', 'gdg', 'held', '--wait=false');
      expect(await field('gdg/held', '{.metadata.deletionTimestamp}')).not.toBe('');
      await kubectl('patch', 'gdg', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
      expect((await kubectl('get', 'gdg', 'held')).errors).toContain('not found');
    });

    test('kubectl explain knows the schema', async () => {
      expect((await kubectl('explain', 'gadget.spec')).output).toMatch(/mode\s+<string>.*-required-/s);
    });
  });

  describe('server-side apply', () => {
    const applyAs = (manager: string, spec: Json, ...flags: string[]): Promise<Outcome> =>
      apply(gadget('shared', spec), '--server-side', `--field-manager=${manager}`, ...flags);
    const spec = async (): Promise<Json> => JSON.parse(await field('gdg/shared', '{.spec}')) as Json;

    test('managers share an object, drop what they no longer want, and conflict over values', async () => {
      await applyAs('one', { mode: 'nftables', labels: { a: 'b', c: 'd' }, ports: [{ port: 80 }, { port: 81 }] });
      await applyAs('two', { mode: 'nftables', labels: { e: 'f' }, ports: [{ port: 82 }] });
      expect(await spec()).toMatchObject({ labels: { a: 'b', c: 'd', e: 'f' } });

      const conflict = await applyAs('two', { mode: 'iptables', labels: { a: 'x' } });
      expect(conflict.errors).toContain(
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.mode\n- .spec.labels.a',
      );

      await applyAs('one', { mode: 'nftables', labels: { a: 'b' }, ports: [{ port: 81, comment: 'hi' }] });
      expect(await spec()).toMatchObject({
        labels: { a: 'b', e: 'f' },
        ports: [
          { port: 81, protocol: 'TCP', comment: 'hi' },
          { port: 82, protocol: 'TCP' },
        ],
      });

      await applyAs('two', { mode: 'nftables', labels: { a: 'x' } }, '--force-conflicts');
      expect(await spec()).toMatchObject({ labels: { a: 'x' }, ports: [{ port: 81 }] });
      const managers = JSON.parse(
        (await kubectl('get', 'gdg', 'shared', '-o', 'json', '--show-managed-fields')).output,
      ) as {
        metadata: { managedFields: { manager: string; fieldsV1: Json }[] };
      };
      expect(managers.metadata.managedFields).toMatchObject([
        {
          manager: 'one',
          fieldsV1: { 'f:spec': { 'f:mode': {}, 'f:ports': { 'k:{"port":81,"protocol":"TCP"}': { '.': {} } } } },
        },
        { manager: 'two', fieldsV1: { 'f:spec': { 'f:labels': { 'f:a': {} }, 'f:mode': {} } } },
      ]);
    });

    test('a field that the schema does not have is refused by name', async () => {
      const { errors } = await applyAs('three', { mode: 'nftables', nope: 1 });
      expect(errors).toContain('.spec.nope: field not declared in schema');
    });
  });

  describe('Services', () => {
    const ports = [{ name: 'http', port: 80 }];
    const specOf = async (name: string): Promise<Record<string, Json>> =>
      JSON.parse(await field(`svc/${name}`, '{.spec}')) as Record<string, Json>;

    test('get an address, and the defaults of the real server', async () => {
      await apply(service('plain', { selector: { app: 'a' }, ports: [{ port: 80 }] }));
      expect(await specOf('plain')).toEqual({
        clusterIP: expect.stringMatching(/^10\.96\./) as string,
        clusterIPs: [expect.stringMatching(/^10\.96\./) as string],
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        selector: { app: 'a' },
        sessionAffinity: 'None',
        type: 'ClusterIP',
      });
    });

    test('become dual stack and single again, and keep their first address', async () => {
      await apply(service('stacks', { ports }));
      const { clusterIP } = await specOf('stacks');
      await apply(service('stacks', { ports, ipFamilyPolicy: 'PreferDualStack' }));
      expect(await specOf('stacks')).toMatchObject({
        clusterIP,
        ipFamilies: ['IPv4', 'IPv6'],
        clusterIPs: [clusterIP, expect.any(String)],
      });
      await apply(service('stacks', { ports, ipFamilyPolicy: 'SingleStack' }));
      expect(await specOf('stacks')).toMatchObject({ clusterIP, ipFamilies: ['IPv4'], clusterIPs: [clusterIP] });
    });

    test('get node ports, and lose them with their type', async () => {
      await apply(service('nodeport', { ports, type: 'NodePort' }));
      const before = await specOf('nodeport');
      expect(before).toMatchObject({
        externalTrafficPolicy: 'Cluster',
        ports: [{ nodePort: expect.any(Number) as number }],
      });
      await apply(service('nodeport', { ports, type: 'ClusterIP' }));
      const after = await specOf('nodeport');
      expect(after).not.toHaveProperty('externalTrafficPolicy');
      expect(after['ports']).toEqual([{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }]);
    });

    test('load balancers that keep traffic local get a port for health checks', async () => {
      await apply(service('balanced', { ports, type: 'LoadBalancer', externalTrafficPolicy: 'Local' }));
      expect(await specOf('balanced')).toMatchObject({
        allocateLoadBalancerNodePorts: true,
        healthCheckNodePort: expect.any(Number) as number,
      });
    });

    test('headless ones and names for others have no address', async () => {
      await apply(service('headless', { clusterIP: 'None', selector: { a: 'b' } }));
      expect(await specOf('headless')).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'], ipFamilies: ['IPv4'] });
      await apply(service('elsewhere', { type: 'ExternalName', externalName: 'example.com' }));
      expect(await specOf('elsewhere')).toEqual({
        type: 'ExternalName',
        externalName: 'example.com',
        sessionAffinity: 'None',
      });
    });

    test.each<[string, Json, string]>([
      [
        'an address of another range',
        { ports, clusterIP: '10.97.0.7' },
        'the provided network does not match the current range',
      ],
      [
        'no address at all',
        { ports, clusterIP: '1.2.3' },
        'spec.clusterIPs[0]: Invalid value: "1.2.3": must be a valid IP address',
      ],
      ['no ports', {}, 'spec.ports: Required value'],
      ['two ports without names', { ports: [{ port: 80 }, { port: 81 }] }, 'spec.ports[0].name: Required value'],
      [
        'a port that cannot be',
        { ports: [{ port: 70000 }] },
        'spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
      ],
      [
        'an unknown protocol',
        { ports: [{ port: 80, protocol: 'FOO' }] },
        'spec.ports[0].protocol: Unsupported value: "FOO": supported values: "SCTP", "TCP", "UDP"',
      ],
      [
        'a node port out of range',
        { ports: [{ port: 80, nodePort: 80 }], type: 'NodePort' },
        'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
      ],
    ])('refuse %s', async (_what, spec, message) => {
      expect((await apply(service('wrong', spec))).errors).toContain(message);
    });

    test('refuse an address that is taken, and a name that is too long', async () => {
      await apply(service('first', { ports, clusterIP: '10.96.0.77' }));
      expect((await apply(service('second', { ports, clusterIP: '10.96.0.77' }))).errors).toContain(
        'spec.clusterIPs: Invalid value: ["10.96.0.77"]: failed to allocate IP 10.96.0.77: provided IP is already allocated',
      );
      expect((await apply(service('a'.repeat(70), { ports }))).errors).toContain('must be no more than 63 characters');
    });

    test('never change their address', async () => {
      await apply(service('fixed', { ports, clusterIP: '10.96.0.79' }));
      expect((await apply(service('fixed', { ports, clusterIP: '10.96.0.80' }))).errors).toContain(
        'spec.clusterIPs[0]: Invalid value: ["10.96.0.80"]: may not change once set',
      );
    });

    test('a strategic merge patch merges ports by number', async () => {
      await apply(
        service('merged', {
          ports: [
            { name: 'a', port: 80 },
            { name: 'b', port: 81 },
          ],
        }),
      );
      await kubectl(
        'patch',
        'svc',
        'merged',
        '-p',
        '{"spec":{"ports":[{"port":81,"name":"c"},{"port":82,"name":"d"}]}}',
      );
      expect(await field('svc/merged', '{.spec.ports[*].name}')).toBe('a c d');
    });
  });

  describe('EndpointSlices', () => {
    const slice = (addressType: string, address: string): Json => ({
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 's' }, addressType },
      endpoints: [{ addresses: [address] }],
      ports: [{ port: 80 }],
    });

    test('get the defaults of the real server', async () => {
      await apply(slice('IPv4', '10.0.0.1'));
      expect(JSON.parse(await field('endpointslice/s', '{.endpoints}'))).toEqual([
        { addresses: ['10.0.0.1'], conditions: {} },
      ]);
      expect(JSON.parse(await field('endpointslice/s', '{.ports}'))).toEqual([{ name: '', port: 80, protocol: 'TCP' }]);
    });

    test('refuse what is no address', async () => {
      expect((await apply(slice('IPv4', '10.0.0.300'))).errors).toContain(
        'endpoints[0].addresses[0]: Invalid value: "10.0.0.300": must be a valid IP address',
      );
    });
  });

  test('what kubectl scales is as it would be in a cluster', async () => {
    const labels = { app: 'web' };
    const containers = [{ name: 'web', image: 'echo:2' }];
    const spec = {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    };
    await apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec });
    await kubectl('scale', 'deployment', 'web', '--replicas=5');
    expect(JSON.parse((await kubectl('get', 'deployment', 'web', '-o', 'json')).output)).toMatchObject({
      metadata: { generation: 2 },
      spec: {
        replicas: 5,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      },
    });
  });

  test('objects live only in namespaces that exist', async () => {
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'nowhere' } };
    expect((await apply(manifest)).errors).toContain('namespaces "nowhere" not found');
  });

  test('deleting something that is not there is an error that names it', async () => {
    expect((await kubectl('delete', 'svc', 'nope')).errors).toBe(
      'Error from server (NotFound): services "nope" not found\n',
    );
  });

  describe('reviews', () => {
    const ask = async (group: string, plural: string, kind: string, spec: Json): Promise<Json> => {
      const review = JSON.stringify({ apiVersion: `${group}/v1`, kind, spec });
      const asked = await subject.kubectl(['create', '--raw', `/apis/${group}/v1/${plural}`, '-f', '-'], review);
      expect(asked).toMatchObject({ code: 0 });
      return (JSON.parse(asked.output) as { status: Json }).status;
    };
    const reviewToken = (token: string): Promise<Json> =>
      ask('authentication.k8s.io', 'tokenreviews', 'TokenReview', { token });
    const mayGet = (user: string, path: string, groups: string[] = []): Promise<Json> =>
      ask('authorization.k8s.io', 'subjectaccessreviews', 'SubjectAccessReview', {
        ...{ user, groups, nonResourceAttributes: { path, verb: 'get' } },
      });

    test('are created, and nothing else can be done with them', async () => {
      const verbs = ['api-resources', '--no-headers', '--api-group=authentication.k8s.io', '-o', 'wide'];
      expect((await kubectl(...verbs)).output).toMatch(/^tokenreviews .* TokenReview +create *$/m);
      expect((await kubectl('get', '--raw', '/apis/authentication.k8s.io/v1/tokenreviews')).code).not.toBe(0);
    });

    test('a token is known, and whose it is; or it is invalid', async () => {
      const token = (await kubectl('config', 'view', '--raw', '-o', 'jsonpath={.users[0].user.token}')).output;
      const groups = expect.arrayContaining(['system:masters']) as Json;
      expect(await reviewToken(token)).toMatchObject({ authenticated: true, user: { groups } });
      const invalid = await reviewToken('nobody');
      expect(invalid).not.toHaveProperty('authenticated', true);
      expect(invalid).toMatchObject({ error: expect.stringContaining('invalid bearer token') as Json });
    });

    test('a path is allowed by a ClusterRole that names it, to those who are bound to it', async () => {
      const rbac = 'rbac.authorization.k8s.io';
      const rules = [{ nonResourceURLs: ['/metrics', '/deep/*'], verbs: ['get'] }];
      await apply({ apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'scraper' }, rules });
      const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: 'scraper' };
      const subjects = [{ apiGroup: rbac, kind: 'User', name: 'scraper' }];
      const binding = { kind: 'ClusterRoleBinding', metadata: { name: 'scraper' }, roleRef, subjects };
      await apply({ apiVersion: `${rbac}/v1`, ...binding });
      await vi.waitFor(async () => expect(await mayGet('scraper', '/metrics')).toMatchObject({ allowed: true }), {
        timeout: 30_000,
      });
      expect(await mayGet('scraper', '/deep/down')).toMatchObject({ allowed: true });
      expect(await mayGet('scraper', '/configz')).toMatchObject({ allowed: false });
      expect(await mayGet('somebody', '/metrics')).toMatchObject({ allowed: false });
      expect(await mayGet('somebody', '/metrics', ['system:masters'])).toMatchObject({ allowed: true });
    });
  });
});
