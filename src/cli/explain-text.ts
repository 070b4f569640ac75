import type { Explanation, Packet } from '../dataplane/index.ts';
import { familyOf } from '../ip/index.ts';
import type { Frontend, ServicePort } from '../services/index.ts';
import type { AgentView } from './explain-packet.ts';

/** The Service port that was asked: by its address and port, else by its NodePort; undefined if it is none's. */
export function ownerOf(packet: Packet, outcome: Explanation, ports: readonly ServicePort[]): ServicePort | undefined {
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

const actions: Readonly<Record<Explanation['action'], string>> = {
  forward: 'forwarded',
  reject: 'rejected ("connection refused")',
  drop: 'dropped (the client times out)',
  pass: 'left alone',
};

/** The explanation as lines for people. */
export function explanationText(
  packet: Packet,
  outcome: Explanation,
  owner: ServicePort | undefined,
  { config, mode, silence }: AgentView & { mode: string },
): string {
  const lines = [
    `${packet.protocol} from ${packet.source}${packet.fromHost ? ' (this host)' : ''} to ${packet.destination} port ${packet.port}`,
    `Result: ${actions[outcome.action]}`,
  ];
  if (owner) lines.push(serviceText(owner, outcome));
  for (const { text } of outcome.steps) lines.push(`  - ${text}`);
  for (const line of shares(outcome)) lines.push(line);
  if (outcome.action === 'forward') lines.push(`Source address: ${outcome.masquerade ? 'masqueraded' : 'kept'}`);
  lines.push(
    config
      ? `Configuration: mode ${mode}, detectLocal ${config.detectLocal.mode}`
      : `Configuration: ${silence ?? 'unknown'}, so local traffic is told by source range only and Services are not named`,
  );
  return `${lines.join('\n')}\n`;
}

function serviceText({ namespace, name, portName, algorithm }: ServicePort, { chosenBy }: Explanation): string {
  return `Service: ${namespace}/${name}, port ${portName || '(unnamed)'}, ${chosenBy ?? algorithm}`;
}

function shares({ endpoints, chosen, chosenBy }: Explanation): string[] {
  if (chosen !== undefined) return [`Endpoint: ${chosen} (certain)`];
  // The engine does not say how it will choose.
  if (chosenBy !== undefined) return endpoints.map((endpoint) => `Endpoint: ${endpoint}`);
  const counts = new Map<string, number>();
  for (const endpoint of endpoints) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  return [...counts].map(
    ([endpoint, slots]) => `Endpoint: ${endpoint} (${((100 * slots) / endpoints.length).toFixed(1)} %)`,
  );
}
