import { afterEach, beforeEach, expect, it } from 'vitest';
import { ApiError } from '../../kubernetes/index.ts';
import { createLogger } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';
import { NodeLease } from './node-lease.ts';

interface StoredLease {
  metadata: { name: string; ownerReferences: { kind: string; uid: string }[] };
  spec: { holderIdentity: string; leaseDurationSeconds: number; renewTime: string };
}

const second = 1000;
let clock: ManualClock;
let nodeUid: string | undefined;
let stored: StoredLease | undefined;
let refused: number | undefined;
let requests: string[];
let doubt: string | undefined;
let renewals: number;
let logs: string[];
let lease: NodeLease;

function answer<T>(request: string, give: () => T | undefined): Promise<T> {
  requests.push(request);
  const [method = '', path = ''] = request.split(' ');
  if (refused !== undefined) return Promise.reject(new ApiError(method, path, { code: refused }));
  const found = give();
  return found === undefined ? Promise.reject(new ApiError(method, path, { code: 404 })) : Promise.resolve(found);
}

beforeEach(() => {
  clock = new ManualClock();
  nodeUid = 'the-node';
  stored = undefined;
  refused = undefined;
  requests = [];
  doubt = undefined;
  renewals = 0;
  logs = [];
  lease = new NodeLease({
    // Answers with what is stored, as the API server does; the types of answers are the caller's.
    client: {
      get: <T>(path: string) => answer(`GET ${path}`, () => nodeUid && { metadata: { uid: nodeUid } }) as Promise<T>,
      create: <T>(path: string, body: object) =>
        answer(`POST ${path}`, () => (stored = body as StoredLease)) as Promise<T>,
      mergePatch: <T>(path: string, patch: object) =>
        answer(`PATCH ${path}`, () => (stored &&= { ...stored, ...(patch as Partial<StoredLease>) })) as Promise<T>,
    },
    ...{ namespace: 'nftproxy-system', nodeName: 'node-1', clock },
    doubt: () => doubt,
    renewed: () => renewals++,
    log: createLogger({ format: 'text', level: 'debug', write: (line) => logs.push(line) }),
  });
});

afterEach(() => lease.stop());

it('an agent’s Lease has its node’s name, and goes with the Node', async () => {
  lease.start();
  await clock.advance(0);
  expect(requests).toEqual([
    'PATCH /apis/coordination.k8s.io/v1/namespaces/nftproxy-system/leases/node-1',
    'GET /api/v1/nodes/node-1',
    'POST /apis/coordination.k8s.io/v1/namespaces/nftproxy-system/leases',
  ]);
  expect(stored).toMatchObject({
    metadata: { name: 'node-1', ownerReferences: [{ kind: 'Node', name: 'node-1', uid: 'the-node' }] },
    spec: { holderIdentity: 'node-1', leaseDurationSeconds: 40 },
  });
});

it('is renewed every ten seconds or a little less, with one request', async () => {
  lease.start();
  await clock.advance(second);
  const before = requests.length;
  await clock.advance(1000 * second);
  const patches = requests.slice(before);
  expect(patches.every((request) => request.startsWith('PATCH'))).toBe(true);
  expect(patches.length).toBeGreaterThanOrEqual(99);
  expect(patches.length).toBeLessThanOrEqual(112);
  expect(renewals).toBe(patches.length + 1);
});

it('comes again when somebody deleted it, for the Node that there is then', async () => {
  lease.start();
  await clock.advance(second);
  stored = undefined;
  nodeUid = 'another-node';
  await clock.advance(11 * second);
  expect(stored).toMatchObject({ metadata: { ownerReferences: [{ uid: 'another-node' }] } });
});

it('is not made for a Node that is gone', async () => {
  nodeUid = undefined;
  lease.start();
  await clock.advance(60 * second);
  expect(stored).toBeUndefined();
  expect(lease.seconds).toBeUndefined();
});

it('is not renewed while the agent cannot vouch for the status, and at once when it can', async () => {
  lease.start();
  await clock.advance(second);
  expect(lease.held).toBe(true);
  doubt = 'the API server is not followed: services';
  const renewed = renewals;
  await clock.advance(60 * second);
  expect(renewals).toBe(renewed);
  expect(lease.held).toBe(false);
  doubt = undefined;
  await clock.advance(10 * second);
  expect(lease.held).toBe(true);
});

it('is tried again soon when the API server refuses it, without a line for every attempt', async () => {
  refused = 403;
  lease.start();
  await clock.advance(300 * second);
  expect(lease.seconds).toBeUndefined();
  expect(logs.filter((line) => line.includes('cannot renew the Lease'))).toHaveLength(1);
  refused = undefined;
  await clock.advance(10 * second);
  expect(lease.held).toBe(true);
  expect(lease.seconds).toBe(40);
  expect(logs.at(-1)).toContain('is renewed again');
});
