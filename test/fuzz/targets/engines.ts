import { isDeepStrictEqual } from 'node:util';
import { EngineRig } from '../../../src/dataplane/ipvs/testing/index.ts';
import { plainNode } from '../../../src/dataplane/nftables/testing/index.ts';
import { sectionsOf } from '../../../src/dataplane/userspace/testing/index.ts';
import { commands } from '../../../src/haproxy/testing/index.ts';
import type { Section } from '../../../src/haproxy/index.ts';
import type { DesiredPort } from '../../../src/dataplane/index.ts';
import type { IpvsOperation } from '../../../src/ipvs/index.ts';
import { readDestination, readServer, requestFor } from '../../../src/ipvs/testing/index.ts';
import { genericAttributes, messages, Payload } from '../../../src/netlink/index.ts';
import type { Target } from '../engine/target.ts';
import { message } from './netlink.ts';
import { objectSeeds } from './object-seeds.ts';
import { desiredOf, stateOf } from './objects.ts';
import { check } from './promised.ts';

/** An operation goes to the kernel as bytes: read again, they say the same. */
function checkOperation(operation: IpvsOperation): void {
  const request = requestFor({ type: 0x20, version: 1 }, operation);
  const [asked] = messages(Payload.of(message(request.type, request.body)));
  if (asked === undefined) throw new Error('a request is a message');
  const attributes = genericAttributes(asked);
  const { server } = operation;
  check(
    isDeepStrictEqual(readServer(attributes), { scheduler: '', ...server }),
    `${request.description} is read again`,
  );
  const { address, port, weight = 0 } = 'destination' in operation ? { weight: 0, ...operation.destination } : {};
  const read = readDestination(attributes, server.family);
  const said = address === undefined ? undefined : { address, port, weight, active: 0, inactive: 0 };
  const isSame = isDeepStrictEqual(read, operation.do === 'delete' && said ? { ...said, weight: read?.weight } : said);
  check(isSame, `${request.description} is read again with its destination: ${JSON.stringify([read, said])}`);
}

/** A node with IPVS in memory that is told everything in bytes. */
function rigWithBytes(): EngineRig {
  const rig = new EngineRig();
  const carryOut = rig.kernel.carryOut.bind(rig.kernel);
  rig.kernel.schedulers = [...rig.kernel.schedulers, 'lc', 'sed', 'nq', 'dh'];
  rig.kernel.carryOut = (operations) => {
    for (const operation of operations) checkOperation(operation);
    return carryOut(operations);
  };
  return rig;
}

/** Targets to which the table leads, of any protocol and family, and where no endpoint is. */
function deadEnds({ nftables, kernel }: EngineRig): string[] {
  const named = String(nftables).matchAll(
    /\b(169\.254\.77\.[1-9]\d*|fd6e:6674:7078:4d:[0-9a-f:]*[0-9a-f]) \. (\d+)\b/g,
  );
  const alive = new Set(
    kernel.text.filter((line) => !line.endsWith(': ')).map((line) => line.split(' ', 3).slice(1).join()),
  );
  return [...named].map(([, address, port]) => `${address},${port}`).filter((target) => !alive.has(target));
}

/** The same without the first endpoint of each, as after the next change. */
function withFewer({ port }: DesiredPort): DesiredPort {
  return { port: { ...port, clusterEndpoints: port.clusterEndpoints.slice(1) } };
}

const section = String.raw`[46]\.(?:tcp|http|h2c)\.(?:random|roundrobin|leastconn|source|hdr-[a-z0-9-]+)\.\d+\.\d+`;
const server = String.raw`${section}/[0-9a-f.:]+_\d+`;
const place = String.raw`(?:[\d.]+|\[[0-9a-f.:]+\]):\d+`;
/** All that is ever said to HAProxy of servers and sections, word by word: one command, and none but these. */
const command = new RegExp(
  `^(?:add server ${server} ${place} weight \\d{1,3}(?: proto h2)?(?: slowstart \\d+s)?|` +
    `set server ${server} (?:state ready|state maint|weight \\d{1,3})|del server ${server}|shutdown frontend ${section})$`,
);

function* commandsOf(each: Section): Generator<string> {
  for (const one of each.servers.values()) {
    for (const tell of [commands.add, commands.ready, commands.weigh, commands.takeOut, commands.remove])
      yield tell(each, one);
  }
  yield commands.close(each);
}

export const engineTargets: readonly Target[] = [
  {
    name: 'objects.ipvs',
    promise:
      'every forwarding state becomes operations of IPVS whose bytes say just that; no connection is led where nobody is, and nothing is left in the end',
    kind: 'value',
    seeds: objectSeeds,
    steps: { perByte: 40_000, any: 40_000_000 },
    run: async (input) => {
      const rig = rigWithBytes();
      const desired = desiredOf(stateOf(input));
      const dataPlane = rig.open();
      const byId = (ports: readonly DesiredPort[]) => new Map(ports.map((each) => [each.port.id, each]));
      const { refused } = await dataPlane.start(byId(desired), { ...plainNode, engine: 'ipvs' });
      check(refused.length === 0, `nothing is refused: ${JSON.stringify(refused)}`);
      check(deadEnds(rig).length === 0, `no connection is led where nobody is: ${deadEnds(rig).join()}`);
      await dataPlane.apply(byId(desired.map(withFewer)));
      check(deadEnds(rig).length === 0, `nor after a change: ${deadEnds(rig).join()}`);
      await dataPlane.apply(new Map(desired.map(({ port: { id } }) => [id, undefined])));
      check(rig.servers.length === 0, `nothing is left: ${rig.servers.join()}`);
      dataPlane.close();
    },
  },
  {
    name: 'objects.haproxy-commands',
    promise:
      "no word of an object becomes another command of HAProxy's runtime API, or a part of one that is not its own",
    kind: 'value',
    seeds: objectSeeds,
    run: (input) => {
      const sections = sectionsOf([...stateOf(input).values()].filter(({ protocol }) => protocol === 'tcp'));
      for (const each of sections) {
        for (const text of commandsOf(each)) check(command.test(text), `a command: ${JSON.stringify(text)}`);
      }
    },
  },
];
