import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { withDefaults } from '../api/index.ts';
import type { EffectiveConfig, ProxySettings } from '../api/index.ts';
import type { Packet } from '../dataplane/index.ts';
import { canonicalAddress, familyOf } from '../ip/index.ts';
import { describeError } from '../runtime/index.ts';
import type { ServicePort } from '../services/index.ts';
import type { Question } from './explain-question.ts';

/** What the agent on this node tells about itself; undefined or empty where it does not answer. */
export interface AgentView {
  /** Why it is not known how the agent is configured; undefined if it is. */
  readonly silence: string | undefined;
  readonly mode: string | undefined;
  readonly config: EffectiveConfig | undefined;
  readonly ports: readonly ServicePort[];
}

/** An agent answers in milliseconds; one that is stuck must not keep people from what the kernel says. */
const longestAnswerMilliseconds = 3000;

/**
 * Asks the agent at its metrics address. That it does not answer in time is said in the explanation, which is worth
 * having anyway.
 */
export async function askAgent(url: string, timeoutMilliseconds = longestAnswerMilliseconds): Promise<AgentView> {
  const signal = AbortSignal.timeout(timeoutMilliseconds);
  const answers = await Promise.allSettled(
    ['proxyMode', 'configz', 'serviceports'].map(async (path) => {
      const response = await fetch(`${url}/${path}`, { signal });
      return response.ok ? response.text() : undefined;
    }),
  );
  const [mode, config, ports] = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined));
  if (config === undefined || ports === undefined) {
    const failed = answers.find((answer) => answer.status === 'rejected');
    return { silence: silenceOf(url, failed?.reason, timeoutMilliseconds), mode, config: undefined, ports: [] };
  }
  // The agent is ours, and of the same version as this command in its image. The API server may have filled in defaults.
  const assigned = JSON.parse(config) as { config: ProxySettings } | null;
  const silence = assigned ? undefined : `the agent at ${url} has no configuration yet`;
  return {
    silence,
    mode,
    config: assigned?.config && withDefaults(assigned.config),
    ports: JSON.parse(ports) as ServicePort[],
  };
}

function silenceOf(url: string, error: unknown, timeoutMilliseconds: number): string {
  const agent = `the agent at ${url} does not answer`;
  if (error instanceof Error && error.name === 'TimeoutError') return `${agent} within ${timeoutMilliseconds / 1000} s`;
  return error === undefined ? agent : `${agent} (${describeError(error)})`;
}

/** The first packet of the connection that is asked about, as this node would see it. */
export async function packetOf(question: Question, { config }: AgentView): Promise<Packet> {
  const { destination, port, protocol, source, interfaceName } = question;
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  return {
    source: source ?? (await ownSource(destination, port)) ?? destination,
    destination,
    protocol,
    port,
    fromHost: source === undefined || own.includes(source),
    fromPod: detectedByInterface(config, interfaceName),
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

/** What a detector by interface says of the client; undefined without one. */
function detectedByInterface(
  config: EffectiveConfig | undefined,
  interfaceName: string | undefined,
): boolean | undefined {
  const { bridgeInterface, interfaceNamePrefix } = config?.detectLocal ?? {};
  if (bridgeInterface !== undefined) return interfaceName === bridgeInterface;
  return interfaceNamePrefix === undefined ? undefined : (interfaceName?.startsWith(interfaceNamePrefix) ?? false);
}
