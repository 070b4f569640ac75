import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json, JsonObject } from './json.ts';
import { objectAt, textOf } from './json.ts';
import type { ApiServer, ApiServerOptions, KubeObject } from './index.ts';
import { startApiServer } from './index.ts';
import type { Subject } from './testing/server.ts';
import { Http, startOurs } from './testing/server.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

function configMap(name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels }, data };
}

function metadataOf(object: Json): JsonObject {
  return objectAt(object, 'metadata');
}

function namesOf(list: JsonObject): Json[] {
  return (list['items'] as Json[]).map((item) => metadataOf(item)['name']);
}

describe('the protocol', { timeout: 60_000 }, () => {
  let subject: Subject & { server: ApiServer };
  let server: ApiServer;
  let http: Http;

  const start = async (o: Partial<ApiServerOptions> = {}): Promise<void> => {
    subject = await startOurs({ bookmarks: { first: 50, every: 100 }, ...o });
    server = subject.server;
    http = new Http(server);
  };
  const version = async (): Promise<string> =>
    textOf(metadataOf((await http.send('GET', configMaps)).body)['resourceVersion']);
  /** The first events of a watch that are no bookmarks. */
  const events = async (query: string, count: number): Promise<string[]> => {
    const seen: string[] = [];
    for await (const { type, object } of http.watch(`${configMaps}?watch=1&${query}`)) {
      if (type !== 'BOOKMARK') seen.push(`${type} ${textOf(metadataOf(object)['name'])}`);
      if (seen.length === count) break;
    }
    return seen;
  };

  beforeEach(() => start());

  afterEach(async () => {
    await http.close();
    await subject.stop();
  });

  describe('watches', () => {
    test('go on from the resourceVersion of a list and miss nothing', async () => {
      server.load([configMap('a')]);
      const from = await version();
      await http.send('POST', configMaps, configMap('b'));
      await http.send('PUT', `${configMaps}/a`, configMap('a', { x: 'y' }));
      await http.send('DELETE', `${configMaps}/b`);
      expect(await events(`resourceVersion=${from}`, 3)).toEqual(['ADDED b', 'MODIFIED a', 'DELETED b']);
    });

    test('without a resourceVersion begin with what there is', async () => {
      server.load([configMap('a'), configMap('b')]);
      expect(await events('', 2)).toEqual(['ADDED a', 'ADDED b']);
    });

    test('with a selector see objects come and go as their labels change', async () => {
      const from = await version();
      await http.send('POST', configMaps, configMap('a', {}, { color: 'red' }));
      await http.send('PUT', `${configMaps}/a`, configMap('a', {}, { color: 'blue' }));
      await http.send('PUT', `${configMaps}/a`, configMap('a', {}, { color: 'red' }));
      const seen = await events(`resourceVersion=${from}&labelSelector=color%3Dred`, 3);
      expect(seen).toEqual(['ADDED a', 'DELETED a', 'ADDED a']);
    });

    test('get bookmarks soon and again, with the newest resourceVersion', async () => {
      const seen: Json[] = [];
      for await (const { type, object } of http.watch(`${configMaps}?watch=1&allowWatchBookmarks=true`)) {
        expect(type).toBe('BOOKMARK');
        seen.push(metadataOf(object)['resourceVersion']);
        if (seen.length === 1) server.load([{ ...configMap('x'), kind: 'Secret' }]);
        if (seen.length === 3) break;
      }
      expect(Number(seen[2])).toBeGreaterThan(Number(seen[0]));
    });

    test('that are to stand for a list are refused as by a server without WatchList, and client-go lists', async () => {
      const refused = await http.send('GET', `${configMaps}?watch=1&sendInitialEvents=true`);
      expect(refused).toMatchObject({ code: 422, body: { reason: 'Invalid' } });
    });

    test('end after timeoutSeconds', async () => {
      expect(await events('timeoutSeconds=1', 1)).toEqual([]);
    });

    test('can be told in the stream that they fell behind', async () => {
      const seen: Json[] = [];
      for await (const { type, object } of http.watch(`${configMaps}?watch=1&allowWatchBookmarks=1`)) {
        seen.push(type, object['code'] ?? null);
        server.expireWatches();
      }
      expect(seen.slice(-2)).toEqual(['ERROR', 410]);
    });
  });

  describe('after a compaction', () => {
    test('a watch from before gets 410 in the stream, one from now goes on', async () => {
      const old = await version();
      server.load([configMap('a')]);
      server.compact();
      const first = await http.watch(`${configMaps}?watch=1&resourceVersion=${old}`).next();
      expect(first.value).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
      const now = await version();
      server.load([configMap('b')]);
      expect(await events(`resourceVersion=${now}`, 1)).toEqual(['ADDED b']);
    });

    test('the next page of an older list is gone', async () => {
      server.load([configMap('a'), configMap('b')]);
      const page = await http.send('GET', `${configMaps}?limit=1`);
      server.compact();
      const next = await http.send(
        'GET',
        `${configMaps}?limit=1&continue=${textOf(metadataOf(page.body)['continue'])}`,
      );
      expect(next).toMatchObject({ code: 410, body: { reason: 'Expired' } });
    });
  });

  describe('lists', () => {
    test('come in pages of one consistent state, whatever changes meanwhile', async () => {
      server.load(['a', 'b', 'c', 'd', 'e'].map((name) => configMap(name)));
      const first = await http.send('GET', `${configMaps}?limit=2`);
      expect(metadataOf(first.body)).toMatchObject({ remainingItemCount: 3 });
      await http.send('DELETE', `${configMaps}/c`);
      await http.send('POST', configMaps, configMap('bb'));
      const rest: Json[] = [];
      let token = textOf(metadataOf(first.body)['continue']);
      while (token !== '') {
        const page = await http.send('GET', `${configMaps}?limit=2&continue=${token}`);
        expect(metadataOf(page.body)['resourceVersion']).toBe(metadataOf(first.body)['resourceVersion']);
        rest.push(...namesOf(page.body));
        token = textOf(metadataOf(page.body)['continue']);
      }
      expect([...namesOf(first.body), ...rest]).toEqual(['a', 'b', 'c', 'd', 'e']);
    });

    test('can be asked for as they were', async () => {
      server.load([configMap('a')]);
      const old = await version();
      server.load([configMap('b')]);
      const exact = await http.send('GET', `${configMaps}?resourceVersion=${old}&resourceVersionMatch=Exact`);
      expect(namesOf(exact.body)).toEqual(['a']);
    });

    test('from the future are refused for now', async () => {
      const answer = await http.send('GET', `${configMaps}?resourceVersion=999999`);
      expect(answer).toMatchObject({ code: 504, body: { reason: 'Timeout' } });
    });

    test.each([
      ['labelSelector=a%3Db', ['x']],
      ['labelSelector=a!%3Db', ['y', 'z']],
      ['labelSelector=a+in+(b,c)', ['x', 'y']],
      ['labelSelector=a+notin+(b)', ['y', 'z']],
      ['labelSelector=a', ['x', 'y']],
      ['labelSelector=!a', ['z']],
      ['fieldSelector=metadata.name%3Dy', ['y']],
      ['fieldSelector=metadata.name!%3Dy', ['x', 'z']],
    ])('select by %s', async (query, names) => {
      server.load([configMap('x', {}, { a: 'b' }), configMap('y', {}, { a: 'c' }), configMap('z')]);
      expect(namesOf((await http.send('GET', `${configMaps}?${query}`)).body)).toEqual(names);
    });
  });

  describe('writes', () => {
    test('that change nothing make no new version', async () => {
      await http.send('POST', configMaps, configMap('a', { x: '1' }));
      const before = await version();
      await http.send('PUT', `${configMaps}/a`, configMap('a', { x: '1' }));
      expect(await version()).toBe(before);
    });

    test('deletions with preconditions spare what is meant no longer', async () => {
      await http.send('POST', configMaps, configMap('a'));
      const answer = await http.send('DELETE', `${configMaps}/a`, { preconditions: { uid: 'another' } });
      expect(answer).toMatchObject({ code: 409, body: { reason: 'Conflict' } });
    });

    test('a pod on a node is removed when its node says so', async () => {
      const pods = '/api/v1/namespaces/default/pods';
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName: 'n', containers: [] } };
      await http.send('POST', pods, pod);
      const marked = await http.send('DELETE', `${pods}/p`);
      expect(metadataOf(marked.body)).toMatchObject({ deletionGracePeriodSeconds: 30 });
      await http.send('DELETE', `${pods}/p?gracePeriodSeconds=0`);
      expect((await http.send('GET', `${pods}/p`)).code).toBe(404);
    });

    test('dependents go with their owner, and the content of a namespace with it', async () => {
      await http.send('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'team' },
      });
      const owner = (await http.send('POST', configMaps, configMap('owner'))).body;
      const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: metadataOf(owner)['uid'] };
      const dependent = configMap('dependent');
      await http.send('POST', configMaps, {
        ...dependent,
        metadata: { ...dependent.metadata, ownerReferences: [reference] },
      });
      await http.send('POST', '/api/v1/namespaces/team/configmaps', { ...configMap('x'), metadata: { name: 'x' } });
      await http.send('DELETE', `${configMaps}/owner`);
      await http.send('DELETE', '/api/v1/namespaces/team');
      await expect.poll(async () => (await http.send('GET', `${configMaps}/dependent`)).code).toBe(404);
      await expect.poll(async () => (await http.send('GET', '/api/v1/namespaces/team')).code).toBe(404);
    });

    test('an event is the same in both of its APIs', async () => {
      const event = {
        ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'e', namespace: 'default' } },
        ...{ note: 'hello', reason: 'Test', type: 'Normal', regarding: { kind: 'Node', name: 'n' } },
      };
      await http.send('POST', '/apis/events.k8s.io/v1/namespaces/default/events', event);
      const core = await http.send('GET', '/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dn');
      expect(core.body['items']).toMatchObject([{ message: 'hello', involvedObject: { name: 'n' } }]);
    });
  });

  describe('access', () => {
    test('nobody in particular gets 401, except for health', async () => {
      const nobody = new Http(server, 'not.a.token');
      expect(await nobody.send('GET', configMaps)).toMatchObject({ code: 401, body: { reason: 'Unauthorized' } });
      await nobody.close();
      expect((await subject.kubectl(['get', '--raw', '/readyz'])).output).toBe('ok');
    });
  });

  test('a server that stops and starts again goes on where it was', async () => {
    await http.send('POST', configMaps, configMap('a'));
    const from = await version();
    const { port, store, kubeconfig } = server;
    const dataDirectory = kubeconfig.replace('/admin.kubeconfig', '');
    await server.stop();
    await expect(http.send('GET', configMaps)).rejects.toThrow();
    server = await startApiServer({ dataDirectory, port, store });
    await http.send('POST', configMaps, configMap('b'));
    expect(await events(`resourceVersion=${from}`, 1)).toEqual(['ADDED b']);
    await server.stop();
  });

  test('ten thousand Services and EndpointSlices are listed in pages', async () => {
    const services = Array.from({ length: 10_000 }, (_, index): KubeObject[] => {
      const name = `svc-${index}`;
      const ip = `10.96.${(index >> 8) + 4}.${index & 255}`;
      const labels = { 'kubernetes.io/service-name': name };
      return [
        {
          ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' } },
          spec: { clusterIP: ip, clusterIPs: [ip], ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] },
        },
        {
          ...{
            apiVersion: 'discovery.k8s.io/v1',
            kind: 'EndpointSlice',
            metadata: { name, namespace: 'default', labels },
          },
          ...{ addressType: 'IPv4', ports: [{ name: '', port: 80 }] },
          endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
        },
      ];
    });
    server.load(services.flat());
    for (const path of ['/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices']) {
      let count = 0;
      let token = '';
      do {
        const page = await http.send('GET', `${path}?limit=500&continue=${token}`);
        count += namesOf(page.body).length;
        token = textOf(metadataOf(page.body)['continue']);
      } while (token !== '');
      expect(count).toBe(10_000);
    }
  });
});
