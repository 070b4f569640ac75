import { isDeepStrictEqual } from 'node:util';
import { restoreInput } from '../../../src/dataplane/iptables/testing/index.ts';
import { NodeRig, plainNode } from '../../../src/dataplane/nftables/testing/index.ts';
import { sectionsOf } from '../../../src/dataplane/userspace/testing/index.ts';
import type { DesiredPort } from '../../../src/dataplane/index.ts';
import { nodeViewOf } from '../../../src/agent/sources/index.ts';
import { configurationText } from '../../../src/haproxy/testing/index.ts';
import { ForwardingState, reasons } from '../../../src/services/index.ts';
import type { EndpointSliceObject, Frontend, ServiceObject, ServicePort } from '../../../src/services/index.ts';
import type { Json, Target } from '../engine/target.ts';
import { objectSeeds } from './object-seeds.ts';
import { check } from './promised.ts';

/** What is handed in: whatever stands where objects are expected. */
interface Objects {
  readonly service: ServiceObject;
  readonly slices: readonly EndpointSliceObject[];
  readonly node: Parameters<typeof nodeViewOf>[0] | null;
}

const config = { nodeName: 'node-1', defaultAlgorithm: 'random', maglevTableSize: 251 } as const;

/** A Service of somebody else, older than all others. */
const bystander = {
  service: {
    metadata: { creationTimestamp: '1970-01-01T00:00:00Z' },
    spec: { type: 'ClusterIP', clusterIPs: ['10.96.255.99'], ports: [{ port: 80, protocol: 'TCP' }] },
  },
  slice: {
    metadata: { labels: { 'kubernetes.io/service-name': 'bystander' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.244.255.99'], conditions: { ready: true }, nodeName: 'node-2' }],
    ports: [{ port: 8080, protocol: 'TCP' }],
  },
};
export const bystanderId = 'quiet/bystander:/tcp/4';

function withBystander(): ForwardingState {
  const state = new ForwardingState(config);
  state.applyService('quiet/bystander', bystander.service);
  state.applyEndpointSlice('quiet/bystander-1', bystander.slice);
  return state;
}

const undisturbed = withBystander().get(bystanderId);

/** The name of an object: whatever text it has. */
function nameOf(object: unknown): string {
  const { metadata } = (typeof object === 'object' && object !== null ? object : {}) as { metadata?: unknown };
  const { name } = (typeof metadata === 'object' && metadata !== null ? metadata : {}) as { name?: unknown };
  return typeof name === 'string' ? name : 'service';
}

/** Objects as a list of a hostile cluster has them; the bystander's come in between. */
export function stateOf(input: Json): ForwardingState {
  const { service, slices, node } = (typeof input === 'object' && input !== null ? input : {}) as Partial<Objects>;
  const state = withBystander();
  // A list has objects only, whatever is in them.
  state.setNode(nodeViewOf(node ?? {}, () => undefined));
  const name = nameOf(service);
  state.applyService(`hostile/${name}`, service);
  const list: readonly EndpointSliceObject[] = Array.isArray(slices) ? slices : [];
  for (const [index, slice] of list.entries()) state.applyEndpointSlice(`hostile/slice-${index}`, slice);
  return state;
}

/** No character that could end a line or a word of anything that is written. */
const word = /^[\w.:/-]*$/;

function checkState(state: ForwardingState): void {
  check(isDeepStrictEqual(state.get(bystanderId), undisturbed), "nothing of another's Service changes");
  for (const { reason, message } of state.problems()) {
    check(reason in reasons, `${reason} is a reason of the closed list`);
    check(message.length <= 256, 'a message has at most 256 characters');
    check(!/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]/u.test(message), `a message is one line: ${JSON.stringify(message)}`);
  }
  for (const port of state.values()) checkPort(port);
}

const isPort = (number: number): boolean => Number.isInteger(number) && number > 0 && number < 65_536;

function checkPort(port: ServicePort): void {
  for (const endpoint of [...port.clusterEndpoints, ...port.localEndpoints, ...port.otherServingEndpoints]) {
    const { weight } = endpoint;
    check(word.test(endpoint.address) && isPort(endpoint.port), `${JSON.stringify(endpoint)} is an endpoint`);
    check(Number.isInteger(weight) && weight >= 0 && weight <= 256, 'a weight is from 0 to 256');
  }
  for (const frontend of port.frontends) {
    const isPlace = placesOf(frontend).every((place) => word.test(place)) && isPort(frontend.port);
    check(isPlace, `${JSON.stringify(frontend)} is a frontend`);
  }
  const { affinitySeconds = 1 } = port;
  check(Number.isInteger(affinitySeconds) && affinitySeconds > 0, 'affinity is a whole number of seconds');
}

/** The addresses and ranges that a frontend names. */
function placesOf(frontend: Frontend): readonly string[] {
  if (frontend.kind === 'NodePort') return [];
  return [frontend.address, ...(frontend.kind === 'LoadBalancerIP' ? (frontend.sourceRanges ?? []) : [])];
}

export const desiredOf = (state: ForwardingState): DesiredPort[] => [...state.values()].map((port) => ({ port }));

/** What stands in a rule of ours: options, words, and nothing that iptables-restore could take for the next line. */
const rulesLine =
  /^(?:\*(?:nat|filter)|COMMIT|:NFTPROXY-[A-Za-z0-9-]+ - \[0:0\]|-[AI] [A-Z]+[A-Za-z0-9-]*(?: (?:!|"[\w.:/ -]+"|[\w.:/,=+[\]-]+))+|)$/;
const configurationLine =
  /^(?:# Written by nftproxy; what is changed here is lost\.|global|defaults|peers nftproxy|listen [\w.-]+| {2}[a-z][\w.:/\[\]() -]*| {2}http-re(?:quest|sponse) [\w.,()/ -]+|)$/;

export const objectTargets: readonly Target[] = [
  {
    name: 'objects.forwarding',
    promise:
      'whatever objects say, the forwarding state is well-formed, problems are Problems, and other Services stay as they are',
    kind: 'value',
    seeds: objectSeeds,
    run: (input) => checkState(stateOf(input)),
  },
  {
    name: 'objects.nftables',
    promise:
      'every forwarding state becomes transactions that the kernel takes, and what the kernel has is what was meant',
    kind: 'value',
    seeds: objectSeeds,
    steps: { perByte: 20_000, any: 20_000_000 },
    run: async (input) => {
      const state = stateOf(input);
      const rig = new NodeRig();
      const ports = new Map(desiredOf(state).map((desired) => [desired.port.id, desired]));
      const { refused } = await rig.dataPlane.start(ports, plainNode);
      check(refused.length === 0, `nothing is refused: ${JSON.stringify(refused)}`);
      check(
        JSON.stringify(await rig.everything()).includes('10.96.255.99 . tcp . 80'),
        "the kernel has another's Service",
      );
      rig.dataPlane.close();
    },
  },
  {
    name: 'objects.iptables',
    promise: 'no word of an object becomes a line, an option or a quote of iptables-restore',
    kind: 'value',
    seeds: objectSeeds,
    run: (input) => {
      const desired = desiredOf(stateOf(input));
      for (const family of [4, 6] as const) {
        const mine = desired.filter(({ port }) => port.family === family);
        for (const line of restoreInput(family, mine, plainNode).split('\n')) {
          check(rulesLine.test(line) && line.length < 1024, `a line of iptables-restore: ${JSON.stringify(line)}`);
        }
      }
    },
  },
  {
    name: 'objects.haproxy',
    promise: "no word of an object becomes a line or a keyword of HAProxy's configuration",
    kind: 'value',
    seeds: objectSeeds,
    run: (input) => {
      const sections = sectionsOf([...stateOf(input).values()].filter(({ protocol }) => protocol === 'tcp'));
      const lines = configurationText({ directory: '/run', threads: 1, sections }).split('\n');
      for (const line of lines) check(configurationLine.test(line), `a line of HAProxy's: ${JSON.stringify(line)}`);
      const servers = sections.reduce((sum, section) => sum + section.servers.size, 0);
      check(
        lines.filter((line) => line.startsWith('  server ')).length === servers,
        'a line for each server, and no other',
      );
    },
  },
];
