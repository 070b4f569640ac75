import { UsageError } from '../runtime/index.ts';
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { parseArgs } from 'node:util';
import { revisionOf } from '../api/index.ts';
import type { EffectiveConfig } from '../api/index.ts';
import { canonicalAddress, contains, familyOf } from '../ip/index.ts';
import { definitionOf, trace } from '../dataplane/index.ts';
import type { Outcome, Packet, TableView } from '../dataplane/index.ts';
import { NftablesSocket } from '../nftables/index.ts';
import type { Frontend, Protocol, ServicePort } from '../services/index.ts';

const usage = `Usage: nftproxy explain --to ADDRESS:PORT [--from ADDRESS] [--protocol tcp|udp|sctp] [--interface NAME]

Says what this node would do with a new connection, and why, from the elements that are in the kernel now.

  --to ADDRESS:PORT   where the client connects to; [ADDRESS]:PORT for IPv6
  --from ADDRESS      the client (default: this host)
  --protocol          tcp, udp or sctp (default tcp)
  --interface NAME    where the packet comes in; decides with detectLocal by interface
  --agent URL         the agent's metrics address, asked for its configuration and the names of Services
                      (default http://127.0.0.1:10249)
  --output            text or json (default text)
`;

interface Question {
  readonly source: string | undefined;
  readonly destination: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly interfaceName: string | undefined;
}

/** What the agent on this node tells about itself; undefined where it does not answer. */
interface AgentView {
  readonly config: EffectiveConfig | undefined;
  readonly ports: readonly ServicePort[];
}

/** `nftproxy explain`. */
export async function explain(args: readonly string[]): Promise<number> {
  const { values } = parse(args);
  if (values.help === true) {
    process.stdout.write(usage);
    return 0;
  }
  const question = questionOf(values);
  const agent = await askAgent(values.agent);
  const socket = NftablesSocket.open();
  try {
    if (!(await socket.tables()).some((table) => table.family === 'inet' && table.name === 'nftproxy')) {
      throw new Error('this node has no table inet nftproxy: has the agent written it yet?');
    }
    const packet = await packetOf(question, agent, kernelView(socket));
    const outcome = await trace(kernelView(socket), packet);
    const owner = ownerOf(packet, outcome, agent.ports);
    process.stdout.write(
      values.output === 'json'
        ? `${JSON.stringify({ packet, ...outcome, service: owner?.id })}\n`
        : render(packet, outcome, owner, agent),
    );
    return 0;
  } finally {
    socket.close();
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        from: { type: 'string' },
        protocol: { type: 'string', default: 'tcp' },
        interface: { type: 'string' },
        agent: { type: 'string', default: 'http://127.0.0.1:10249' },
        output: { type: 'string', default: 'text' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/** @throws UsageError that says which option is wrong and what it takes. */
export function questionOf(values: { to?: string; from?: string; protocol: string; interface?: string }): Question {
  const protocol = (['tcp', 'udp', 'sctp'] as const).find((one) => one === values.protocol);
  if (!protocol) throw new UsageError(`--protocol is ${JSON.stringify(values.protocol)}: use tcp, udp or sctp`);
  const { destination, port } = destinationOf(values.to);
  const source = values.from === undefined ? undefined : canonicalAddress(values.from);
  if (values.from !== undefined && source === undefined) {
    throw new UsageError(`--from is ${JSON.stringify(values.from)}: use an IP address`);
  }
  if (source !== undefined && familyOf(source) !== familyOf(destination)) {
    throw new UsageError(`--from ${source} and --to ${destination} are of different IP families`);
  }
  return { source, destination, port, protocol, interfaceName: values.interface };
}

function destinationOf(to: string | undefined): { destination: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^[\]:]+)):(\d+)$/.exec(to ?? '') ?? [];
  const destination = canonicalAddress(bracketed ?? plain ?? '');
  const port = Number(digits);
  if (destination === undefined || !(port > 0 && port < 65536)) {
    throw new UsageError(`--to is ${JSON.stringify(to ?? '')}: use ADDRESS:PORT or [ADDRESS]:PORT\n\n${usage}`);
  }
  return { destination, port };
}

async function askAgent(url: string): Promise<AgentView> {
  try {
    const [config, ports] = await Promise.all([fetch(`${url}/configz`), fetch(`${url}/serviceports`)]);
    const assigned = (await config.json()) as { config: EffectiveConfig } | null;
    return { config: assigned?.config, ports: (await ports.json()) as ServicePort[] };
  } catch {
    // Said in the answer: an explanation without an agent is still worth having.
    return { config: undefined, ports: [] };
  }
}

/** The kernel's own elements; interval sets are read whole, they are small. */
function kernelView(socket: NftablesSocket): TableView {
  const define = (set: string): NonNullable<ReturnType<typeof definitionOf>> => {
    const definition = definitionOf(set);
    if (!definition) throw new Error(`the data plane has no set ${set}`);
    return definition;
  };
  return {
    get: async (set, key) => (await socket.elementsByKey('nftproxy', define(set), [{ key }]))[0],
    ranges: async (set) => (await socket.elements('nftproxy', define(set))).map(({ key }) => key),
  };
}

async function packetOf(question: Question, { config }: AgentView, view: TableView): Promise<Packet> {
  const { destination, port, protocol, source, interfaceName } = question;
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  const family = familyOf(destination);
  const client = source ?? (await ownSource(destination, port)) ?? destination;
  return {
    source: client,
    destination,
    protocol,
    port,
    fromHost: source === undefined || own.includes(source),
    fromPod: detects(config, interfaceName, client, await view.ranges(`local_sources${family}`)),
    toHost: own.includes(destination),
    masqueradeAll: config?.masqueradeAll ?? false,
  };
}

/** The source address that this host's kernel takes for a destination; undefined without a route. Sends nothing. */
function ownSource(destination: string, port: number): Promise<string | undefined> {
  const socket = createSocket(familyOf(destination) === 4 ? 'udp4' : 'udp6');
  return new Promise((resolve) => {
    socket.connect(port, destination, (error?: Error | null) => {
      // No route is an answer too: the caller has another address to go by.
      resolve(error ? undefined : canonicalAddress(socket.address().address));
      socket.close();
    });
  });
}

/** What the local detector says of the client; undefined without a detector. */
function detects(
  config: EffectiveConfig | undefined,
  interfaceName: string | undefined,
  client: string,
  ranges: readonly string[],
): boolean | undefined {
  const { bridgeInterface, interfaceNamePrefix } = config?.detectLocal ?? {};
  if (bridgeInterface !== undefined) return interfaceName === bridgeInterface;
  if (interfaceNamePrefix !== undefined) return interfaceName?.startsWith(interfaceNamePrefix) ?? false;
  return ranges.length === 0 ? undefined : contains(ranges, client);
}

/** The Service port that was asked: by its address and port, else by its NodePort; undefined if it is none's. */
export function ownerOf(packet: Packet, outcome: Outcome, ports: readonly ServicePort[]): ServicePort | undefined {
  if (outcome.action === 'pass') return undefined;
  const family = familyOf(packet.destination);
  const candidates = ports.filter((port) => port.family === family && port.protocol === packet.protocol);
  const has = (matches: (frontend: Frontend) => boolean): ServicePort | undefined =>
    candidates.find((port) => port.frontends.some((frontend) => frontend.port === packet.port && matches(frontend)));
  return (
    has((frontend) => frontend.kind !== 'NodePort' && frontend.address === packet.destination) ??
    (packet.toHost ? has((frontend) => frontend.kind === 'NodePort') : undefined)
  );
}

const actions: Readonly<Record<Outcome['action'], string>> = {
  forward: 'forwarded',
  reject: 'rejected ("connection refused")',
  drop: 'dropped (the client times out)',
  pass: 'left alone',
};

function render(packet: Packet, outcome: Outcome, owner: ServicePort | undefined, { config }: AgentView): string {
  const lines = [
    `${packet.protocol} from ${packet.source}${packet.fromHost ? ' (this host)' : ''} to ${packet.destination} port ${packet.port}`,
    `Result: ${actions[outcome.action]}`,
  ];
  if (owner)
    lines.push(`Service: ${owner.namespace}/${owner.name}, port ${owner.portName || '(unnamed)'}, ${owner.algorithm}`);
  for (const step of outcome.steps) lines.push(`  - ${step}`);
  for (const line of shares(outcome)) lines.push(line);
  if (outcome.action === 'forward') lines.push(`Source address: ${outcome.masquerade ? 'masqueraded' : 'kept'}`);
  lines.push(
    config
      ? `Configuration: revision ${revisionOf(config)}, detectLocal ${config.detectLocal.mode}`
      : 'Configuration: the agent does not answer, so local traffic is told by source range only and Services are not named',
  );
  return `${lines.join('\n')}\n`;
}

function shares({ endpoints, chosen }: Outcome): string[] {
  if (chosen !== undefined) return [`Endpoint: ${chosen} (certain)`];
  const counts = new Map<string, number>();
  for (const endpoint of endpoints) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  return [...counts].map(
    ([endpoint, slots]) => `Endpoint: ${endpoint} (${((100 * slots) / endpoints.length).toFixed(1)} %)`,
  );
}
