import { afterEach, beforeEach, expect, it } from 'vitest';
import { ApiClient, EventRecorder } from '../index.ts';
import { fastClock } from '../../runtime/testing/index.ts';
import { eventually, FaultyServer } from '../testing/index.ts';
import type { Collection } from '../testing/index.ts';

const web = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web', uid: '1234' };

let server: FaultyServer;
let events: Collection;
let client: ApiClient;
let errors: string[];

beforeEach(async () => {
  server = await FaultyServer.start();
  events = server.collection('/apis/events.k8s.io/v1/events');
  client = new ApiClient({ server: server.url });
  errors = [];
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

function recorder(speed = 1, instance = 'node-1'): EventRecorder {
  return new EventRecorder({
    client,
    component: 'nftproxy-agent',
    instance,
    onError: ({ message }) => void errors.push(message),
    clock: fastClock(speed),
  });
}

function written(): Record<string, unknown>[] {
  return [...events.objects.values()];
}

it('an event names its object, its reporter, and what happened', async () => {
  const recording = recorder();
  recording.event(web, 'Warning', 'DuplicateAddress', '203.0.113.7 belongs to shop/old');
  await recording.flush();
  expect(written()).toMatchObject([
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'shop', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) as string },
      regarding: web,
      type: 'Warning',
      reason: 'DuplicateAddress',
      action: 'DuplicateAddress',
      note: '203.0.113.7 belongs to shop/old',
      reportingController: 'nftproxy-agent',
      reportingInstance: 'node-1',
      eventTime: expect.stringMatching(/\.\d{6}Z$/) as string,
    },
  ]);
  expect(written()[0]).not.toHaveProperty('series');
  expect(errors).toEqual([]);
});

it('an event about a cluster-scoped object is written to the namespace default', async () => {
  const recording = recorder();
  recording.event(
    { apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', name: 'default' },
    'Normal',
    'Accepted',
    'ok',
  );
  await recording.flush();
  expect(written()).toMatchObject([{ metadata: { namespace: 'default' } }]);
});

it('the same event again is counted, and the count written after a while', async () => {
  const recording = recorder(50);
  for (let i = 0; i < 7; i += 1) recording.event(web, 'Warning', 'Malformed', 'port 0');
  recording.event(web, 'Warning', 'Malformed', 'port 70000');
  await eventually('the count', () => written().some((event) => 'series' in event));
  expect(written()).toHaveLength(2);
  expect(written()[0]).toMatchObject({
    series: { count: 7, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) as string },
  });
  const requests = server.seen.length;
  for (let i = 0; i < 100; i += 1) recording.event(web, 'Warning', 'Malformed', 'port 0');
  await recording.flush();
  expect(written()[0]).toMatchObject({ series: { count: 107 } });
  expect(server.seen.length).toBe(requests + 1);
});

it('after ten quiet minutes the same event is a new one', async () => {
  const recording = recorder(100_000);
  recording.event(web, 'Warning', 'Malformed', 'port 0');
  await new Promise((resolve) => setTimeout(resolve, 20));
  recording.event(web, 'Warning', 'Malformed', 'port 0');
  await recording.flush();
  expect(written()).toHaveLength(2);
});

it('a count whose event the API server has deleted meanwhile begins a new one', async () => {
  const recording = recorder();
  recording.event(web, 'Warning', 'Malformed', 'port 0');
  await recording.flush();
  events.drop([...events.objects.keys()][0] ?? '');
  recording.event(web, 'Warning', 'Malformed', 'port 0');
  await recording.flush();
  expect(written()).toMatchObject([{ series: { count: 2 } }]);
});

it('one object cannot flood the API server, and others do not suffer from it', async () => {
  const recording = recorder();
  for (let i = 0; i < 40; i += 1) recording.event(web, 'Warning', 'Malformed', `port ${i}`);
  recording.event({ ...web, name: 'other', uid: '5' }, 'Warning', 'Malformed', 'port 1');
  await recording.flush();
  expect(written()).toHaveLength(26);
  expect(errors).toHaveLength(15);
  expect(errors[0]).toBe(
    'Event not written: too many about one object, this one is left out: Service/shop/web/1234: Malformed: port 25',
  );
});

it('a long message is cut to what the API server takes, between characters', async () => {
  const recording = recorder();
  recording.event(web, 'Normal', 'Long', 'ü'.repeat(1000));
  await recording.flush();
  const note = String(written()[0]?.['note']);
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
  expect(note).toBe(`${'ü'.repeat(510)}…`);
});

it('an API server that refuses, or is away, is reported and does not stop the next event', async () => {
  const recording = recorder();
  server.intercept = () => ({ status: 403, body: '{"reason":"Forbidden","message":"no events for you"}' });
  recording.event(web, 'Normal', 'First', 'lost');
  await recording.flush();
  expect(errors).toEqual(['POST /apis/events.k8s.io/v1/namespaces/shop/events: 403 Forbidden: no events for you']);
  server.intercept = () => undefined;
  recording.event(web, 'Normal', 'First', 'lost');
  await recording.flush();
  expect(written()).toHaveLength(1);
});

it('what every node sees alike is one Event, whoever is first, and a success for all of them', async () => {
  const nodes = ['node-1', 'node-2', 'node-3'].map((node) => recorder(1, node));
  for (const recording of nodes) {
    recording.sharedEvent(web, 'Warning', 'UnknownAlgorithm', 'fastest is none');
    recording.sharedEvent(web, 'Warning', 'UnknownAlgorithm', 'fastest is none');
  }
  await Promise.all(nodes.map((recording) => recording.flush()));
  expect(written()).toMatchObject([
    { regarding: web, reason: 'UnknownAlgorithm', note: 'fastest is none', reportingInstance: 'nftproxy-agent' },
  ]);
  expect(written()[0]).not.toHaveProperty('series');
  expect(errors).toEqual([]);
});

it('what nodes see alike is another Event for another object, another reason or another message', async () => {
  const recording = recorder();
  recording.sharedEvent(web, 'Warning', 'UnknownAlgorithm', 'fastest is none');
  recording.sharedEvent({ ...web, uid: '5678' }, 'Warning', 'UnknownAlgorithm', 'fastest is none');
  recording.sharedEvent(web, 'Warning', 'InvalidValue', 'fastest is none');
  recording.sharedEvent(web, 'Warning', 'UnknownAlgorithm', 'slowest is none');
  await recording.flush();
  expect(written()).toHaveLength(4);
});

it('what only one node can tell is told by each of them', async () => {
  const nodes = ['node-1', 'node-2'].map((node) => recorder(1, node));
  for (const recording of nodes) recording.event(web, 'Warning', 'FailedToStartServiceHealthcheck', 'port taken');
  await Promise.all(nodes.map((recording) => recording.flush()));
  expect(written().map(({ reportingInstance }) => reportingInstance)).toEqual(['node-1', 'node-2']);
});
