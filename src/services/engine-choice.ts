import type { Maybe } from './objects.ts';
import { text } from './read.ts';
import { quote } from './reasons.ts';
import type { ProblemCollector } from './reasons.ts';
import { engines } from './types.ts';
import type { EngineName, ProxyChoice } from './types.ts';

/** Annotation by which a Service says what chooses its endpoints, whatever the node's mode. */
const engineAnnotation = 'nftproxy.io/engine';

/** Annotation by which a Service says that requests go by a header's value. */
const hashHeaderAnnotation = 'nftproxy.io/hash-header';

/** Annotation by which a Service says how long a new endpoint takes to get its whole share from a proxy. */
const slowStartAnnotation = 'nftproxy.io/slow-start';

/** What a Service says is to choose its endpoints. */
export interface EngineChoice {
  readonly name: EngineName;
  /** How a proxy is to pass on ports that say nothing of themselves. */
  readonly proxied?: ProxyChoice['protocol'];
}

/** The annotation's values: engines, and what a proxy in user space is to understand. */
const choices: ReadonlyMap<string, EngineChoice> = new Map<string, EngineChoice>([
  ...engines.map((name) => [name, { name }] as const),
  ['http', { name: 'userspace', proxied: 'http' }],
  ['h2c', { name: 'userspace', proxied: 'h2c' }],
]);

export type Annotations = Maybe<Readonly<Record<string, string>>>;

/** What the engine annotation says; undefined if it says nothing that is known. */
export function readEngine(annotations: Annotations, collector: ProblemCollector): EngineChoice | undefined {
  const value = annotations?.[engineAnnotation];
  if (value === undefined) return undefined;
  const choice = choices.get(text(value).trim().toLowerCase());
  if (choice === undefined) {
    const known = [...choices.keys()].join(', ');
    const message = `annotation ${engineAnnotation}: ${quote(value)} is none of ${known}; it is left out`;
    collector.report('UnknownEngine', message);
  }
  return choice;
}

/** What a Service says besides that decides whether a header can be gone by. */
interface HeaderContext {
  readonly affinitySeconds: number | undefined;
  /** Whether requests of one of its ports are looked at where a proxy serves it. */
  readonly knowsRequests: boolean;
}

/** The header that the annotation names, in small letters; undefined where it could not be gone by, too. */
export function readHashHeader(
  annotations: Annotations,
  { affinitySeconds, knowsRequests }: HeaderContext,
  collector: ProblemCollector,
): string | undefined {
  const value = annotations?.[hashHeaderAnnotation];
  if (value === undefined) return undefined;
  const inVain =
    affinitySeconds !== undefined
      ? 'sessionAffinity ClientIP decides'
      : !knowsRequests &&
        `no port says that it speaks HTTP: appProtocol, or annotation ${engineAnnotation}: http or h2c`;
  if (inVain !== false) {
    collector.report('InvalidValue', `annotation ${hashHeaderAnnotation} is left out: ${inVain}`);
    return undefined;
  }
  const header = text(value).trim().toLowerCase();
  if (/^[a-z0-9-]{1,64}$/.test(header)) return header;
  const rule = 'the name of a header of letters, digits and dashes, at most 64';
  collector.report(
    'InvalidValue',
    `annotation ${hashHeaderAnnotation}: ${quote(value)} is not ${rule}; it is left out`,
  );
  return undefined;
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
const longestSlowStartSeconds = 3600;

/** The seconds that the annotation names, e.g. `30s`, `2m`. */
export function readSlowStart(annotations: Annotations, collector: ProblemCollector): number | undefined {
  const value = annotations?.[slowStartAnnotation];
  if (value === undefined) return undefined;
  const [, count = '', unit = ''] = /^([0-9]{1,4})([smh])$/.exec(text(value).trim()) ?? [];
  const seconds = Number(count) * (secondsOf[unit] ?? 0);
  if (seconds > 0 && seconds <= longestSlowStartSeconds) return seconds;
  const rule = 'a time from 1s to 1h such as 30s or 2m';
  collector.report('InvalidValue', `annotation ${slowStartAnnotation}: ${quote(value)} is not ${rule}; it is left out`);
  return undefined;
}

/**
 * What an `appProtocol` means (kubernetes.io/docs/concepts/services-networking/service/#application-protocol, and `http` of
 * the IANA names; `grpc` is widely used). Requests are looked at only where they are asked for: TLS and all others are TCP.
 */
const appProtocols: ReadonlyMap<string, ProxyChoice['protocol']> = new Map<string, ProxyChoice['protocol']>([
  ['http', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/h2c', 'h2c'],
  ['grpc', 'h2c'],
]);

/** How a proxy is to pass on a port with this `appProtocol`; undefined if it has none. */
export function proxiedBy(appProtocol: Maybe<string>): ProxyChoice['protocol'] | undefined {
  // Names of services are compared without regard to case (RFC 6335, section 5.1).
  const name = text(appProtocol).toLowerCase();
  return name === '' ? undefined : (appProtocols.get(name) ?? 'tcp');
}
