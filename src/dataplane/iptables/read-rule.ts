import { contains } from '../../ip/index.ts';
import type { Packet } from '../data-plane.ts';

/** A rule of ours, taken apart. */
export interface ReadRule {
  /** By option (`-s`, `--dport`), its value and whether it is negated. */
  readonly options: ReadonlyMap<string, { readonly value: string; readonly negated: boolean }>;
  /** A chain, or what iptables calls a target. */
  readonly target: string;
  /** It leads to a chain that does not come back to this one. */
  readonly goes: boolean;
  /** It may or may not match, by chance, by turn or by what clients did before. */
  readonly isUncertain: boolean;
}

export function readRule(text: string): ReadRule {
  const options = new Map<string, { value: string; negated: boolean }>();
  const words = text.split(' ');
  for (const [index, word] of words.entries()) {
    if (!word.startsWith('-')) continue;
    const value = words[index + 1] ?? '';
    options.set(word, { value: value.startsWith('-') ? '' : value, negated: words[index - 1] === '!' });
  }
  return {
    options,
    target: options.get('-g')?.value ?? options.get('-j')?.value ?? '',
    goes: options.has('-g'),
    isUncertain: ['--probability', '--every', '--rcheck'].some((option) => options.has(option)),
  };
}

type Condition = (packet: Packet, value: string) => boolean;

/** What an option asks of the first packet of a connection, by its address before it is translated. */
const conditions: Readonly<Record<string, Condition>> = {
  '-s': ({ source }, range) => contains([range], source),
  '-d': ({ destination }, range) => contains([range], destination),
  '-i': ({ fromPod }) => fromPod === true,
  '-p': ({ protocol }, value) => protocol === value,
  '--dport': ({ port }, ports) => isWithin(ports, port),
  '--dst-type': ({ toHost }) => toHost,
  '--src-type': ({ fromHost }) => fromHost,
  '--ctorigdst': ({ destination }, range) => contains([range], destination),
  '--ctorigdstport': ({ port }, ports) => isWithin(ports, port),
};

/** Whether a rule is about a packet; of those that are uncertain, whether it may be. */
export function isAbout(
  { options }: ReadRule,
  packet: Packet,
  overrides: Readonly<Record<string, Condition>>,
): boolean {
  return [...options].every(([option, { value, negated }]) => {
    const condition = overrides[option] ?? conditions[option];
    return condition === undefined || condition(packet, value) !== negated;
  });
}

function isWithin(ports: string, port: number): boolean {
  const [first = 0, last = first] = ports.split(':').map(Number);
  return first <= port && port <= last;
}
