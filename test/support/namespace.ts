import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { runCommand, runScript } from './commands.ts';
import type { CommandOptions } from './commands.ts';
import { inNamespace, namespaceFolder } from './in-namespace.ts';
import { deleteLeftovers, endProcessesIn, namePrefix } from './leftovers.ts';
import { ManagedProcess } from './managed-process.ts';
import type { ProcessOptions } from './managed-process.ts';
import { patience } from './patience.ts';
import { Resident } from './traffic/resident.ts';
import type { Answer, EchoServer, HttpAnswer, Listener, Requests } from './traffic/protocol.ts';

const living = new Set<Namespace>();
let prepared: Promise<unknown> | undefined;

/** What a namespace is to be. */
export interface NamespaceOptions {
  /** A router for IPv4 and IPv6. */
  readonly forwarding?: boolean;
}

/**
 * A network namespace of a test: a host of its own, with `lo` up and nothing else. Addresses are usable at once (no
 * duplicate address detection), nobody's router advertisements are listened to, and there is no reverse-path filter.
 *
 * Needs root. `destroy()` ends the processes in it and removes it; what a test leaves behind goes when its process
 * exits, and what a killed process leaves behind goes when the next test process starts.
 */
export class Namespace implements AsyncDisposable {
  /** Unique on this machine: `nftproxy-<pid>-<random>-<label>`. */
  readonly name: string;
  /** The last part of the name. */
  readonly label: string;
  /** What to give to `setns` or `nsenter --net=`. */
  readonly path: string;
  #resident: Promise<Resident> | undefined;

  private constructor(label: string) {
    this.label = label;
    this.name = `${namePrefix}${process.pid}-${randomBytes(3).toString('hex')}-${label}`;
    this.path = `${namespaceFolder}/${this.name}`;
  }

  static async create(label: string, options: NamespaceOptions = {}): Promise<Namespace> {
    const made = await Namespace.createAll({ [label]: options });
    return made[label] as Namespace;
  }

  /** Several at once, by label: quicker than one after the other. */
  static async createAll<Label extends string>(
    wanted: Readonly<Record<Label, NamespaceOptions>>,
  ): Promise<Record<Label, Namespace>> {
    await (prepared ??= prepare());
    const labels = Object.keys(wanted) as Label[];
    const made = labels.map((label) => [label, new Namespace(label)] as const);
    for (const [, namespace] of made) living.add(namespace);
    await runScript(made.flatMap(([, { name }]) => [`ip netns add ${name}`, `ip -n ${name} link set lo up`]));
    for (const [label, namespace] of made) namespace.sysctl(settingsOf(wanted[label]));
    return Object.fromEntries(made) as Record<Label, Namespace>;
  }

  /** Does something at once in the namespace, in this process; see {@link inNamespace}. */
  inside<Result>(action: () => Result): Result {
    return inNamespace(this.path, action);
  }

  /** Runs a command in the namespace and resolves with its stdout. @throws CommandError with its stderr. */
  async run(command: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<string> {
    return (await this.inside(() => runCommand(command, args, options))).stdout;
  }

  /** Starts a process in the namespace; it is killed when the namespace is destroyed. */
  start(command: readonly string[], options: Omit<ProcessOptions, 'namespace' | 'command'> = {}): ManagedProcess {
    return ManagedProcess.start({ ...options, command, namespace: this.name });
  }

  /** Sets kernel parameters of the namespace, e.g. `{ 'net.ipv4.ip_forward': 1 }`. */
  sysctl(values: Readonly<Record<string, string | number>>): void {
    this.inside(() => {
      for (const [key, value] of Object.entries(values)) {
        writeFileSync(`/proc/sys/${key.replaceAll('.', '/')}`, String(value));
      }
    });
  }

  /** Runs lines of `ip` commands (without the leading `ip`) in one process. */
  async ip(...lines: readonly string[]): Promise<void> {
    await this.run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Loads a ruleset in nft's own syntax, as `nft -f` does. */
  async nft(ruleset: string): Promise<void> {
    await this.run('nft', ['-f', '-'], { input: ruleset });
  }

  /** Starts TCP or UDP servers that say who they are and whom they saw. They end with the namespace, if not before. */
  async serve(listeners: readonly Listener[]): Promise<EchoServer> {
    return (await this.resident()).serve(listeners);
  }

  /** Opens connections (or sends datagrams) from here and returns one answer or error for each, in order. */
  async request(requests: Requests): Promise<Answer[]> {
    const { timeoutMilliseconds = 2000 } = requests;
    return (await this.resident()).request({ ...requests, timeoutMilliseconds: timeoutMilliseconds * patience });
  }

  /** HTTP GET from here, over a connection of its own. Rejects with the error's code in the message. */
  async get(url: string, timeoutMilliseconds = 5000): Promise<HttpAnswer> {
    return (await this.resident()).get(url, timeoutMilliseconds * patience);
  }

  /** Who opens connections here and answers them; comes with the first call. */
  resident(): Promise<Resident> {
    return (this.#resident ??= Resident.moveIn(this.path));
  }

  /** Ends what runs in the namespace and removes it. Safe to call twice. */
  async destroy(): Promise<void> {
    if (!living.delete(this)) return;
    const resident = await this.#resident;
    await Promise.all([resident?.leave(), endProcessesIn(this.path)]);
    await runCommand('ip', ['netns', 'del', this.name]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /** Last resort when the test process exits: no time to wait for anything. Processes have gone with their parent. */
  static destroyAllNow(): void {
    const lines = [...living].map(({ name }) => `netns del ${name}\n`);
    living.clear();
    if (lines.length > 0) spawnSync('ip', ['-force', '-batch', '-'], { input: lines.join('') });
  }
}

function settingsOf({ forwarding = false }: NamespaceOptions): Record<string, number> {
  return {
    // Also for link-local addresses: until theirs is usable a router does not even ask for IPv6 neighbours.
    'net.ipv6.conf.all.accept_dad': 0,
    'net.ipv6.conf.default.accept_dad': 0,
    'net.ipv6.conf.default.dad_transmits': 0,
    'net.ipv6.conf.all.accept_ra': 0,
    'net.ipv6.conf.default.accept_ra': 0,
    'net.ipv4.conf.all.rp_filter': 0,
    'net.ipv4.conf.default.rp_filter': 0,
    // Tests provoke more refusals a second than the kernel would answer.
    'net.ipv4.icmp_ratelimit': 0,
    'net.ipv6.icmp.ratelimit': 0,
    ...(forwarding ? { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 } : {}),
  };
}

/** Once per process: promise to clean up at exit, and clean up after processes that could not. */
async function prepare(): Promise<void> {
  process.on('exit', () => {
    Namespace.destroyAllNow();
  });
  await deleteLeftovers();
}

/** `nft list ruleset` without counter values. Rejects when nft cannot print the ruleset. */
export function listRuleset(namespace: Namespace): Promise<string> {
  return namespace.run('nft', ['-s', 'list', 'ruleset']);
}
