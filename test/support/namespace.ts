import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { startEchoServer, sendRequests } from './traffic.ts';
import type { Answer, EchoServer, Listener, Requests } from './traffic.ts';

export type { Answer, EchoServer, Listener, Requests } from './traffic.ts';

const prefix = 'nftproxy-';
const directory = '/run/netns';
const living = new Set<Namespace>();
let prepared = false;

/**
 * A network namespace of a test: a host of its own, with `lo` up and nothing else.
 *
 * Needs root. `destroy()` ends the processes started in it and removes it; what a test leaves behind goes when its
 * process exits, and what a killed process leaves behind goes when the next test process starts.
 */
export class Namespace implements AsyncDisposable {
  /** Unique on this machine: `nftproxy-<pid>-<random>-<label>`. */
  readonly name: string;
  /** What to give to `setns` or `nsenter --net=`. */
  readonly path: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(name: string) {
    this.name = name;
    this.path = `${directory}/${name}`;
  }

  /** Makes a namespace; `forwarding` makes it a router for IPv4 and IPv6. */
  static async create(label: string, options: { forwarding?: boolean } = {}): Promise<Namespace> {
    prepare();
    const namespace = new Namespace(`${prefix}${process.pid}-${randomBytes(3).toString('hex')}-${label}`);
    await execute('ip', ['netns', 'add', namespace.name]);
    living.add(namespace);
    await namespace.run('ip', ['link', 'set', 'lo', 'up']);
    await namespace.sysctl({
      // Also for link-local addresses: until theirs is usable a router does not even ask for IPv6 neighbours.
      'net.ipv6.conf.default.accept_dad': 0,
      'net.ipv6.conf.default.dad_transmits': 0,
      ...(options.forwarding === true ? { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 } : {}),
    });
    return namespace;
  }

  /** Runs a command in the namespace and resolves with its stdout; rejects with its stderr when it fails. */
  run(command: string, args: readonly string[] = [], options: { input?: string } = {}): Promise<string> {
    return execute('nsenter', [`--net=${this.path}`, '--', command, ...args], options.input);
  }

  /** Starts a command in the namespace; it is killed when the namespace is destroyed. */
  spawn(command: string, args: readonly string[] = [], options: { env?: NodeJS.ProcessEnv } = {}): ChildProcess {
    const child = spawn('nsenter', [`--net=${this.path}`, '--', command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: options.env ?? process.env,
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Sets kernel parameters of the namespace, e.g. `{ 'net.ipv4.ip_forward': 1 }`. */
  async sysctl(values: Readonly<Record<string, string | number>>): Promise<void> {
    await this.run('sysctl', ['-q', '-w', ...Object.entries(values).map(([key, value]) => `${key}=${value}`)]);
  }

  /** Loads a ruleset in nft's own syntax, as `nft -f` does. */
  async nft(ruleset: string): Promise<void> {
    await this.run('nft', ['-f', '-'], { input: ruleset });
  }

  /** Starts TCP or UDP servers (one process for all) that say who they are and whom they saw. */
  serve(listeners: readonly Listener[]): Promise<EchoServer> {
    return startEchoServer((command, args) => this.spawn(command, args), listeners);
  }

  /** Opens connections (or sends datagrams) from here and returns one answer or error for each, in order. */
  request(requests: Requests): Promise<Answer[]> {
    return sendRequests((command, args) => this.spawn(command, args), requests);
  }

  /** Ends the namespace's processes and removes it. Safe to call twice. */
  async destroy(): Promise<void> {
    if (!living.delete(this)) return;
    await Promise.all([...this.#children].map(end));
    await execute('ip', ['netns', 'del', this.name]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /** Last resort when the test process exits: no time to wait for anything. */
  destroyNow(): void {
    if (!living.delete(this)) return;
    for (const child of this.#children) child.kill('SIGKILL');
    spawnSync('ip', ['netns', 'del', this.name]);
  }
}

/** One end of a link: its interface (the peer's label by default), its addresses and its routes over the link. */
export interface LinkEnd {
  /** Interface name, at most 15 characters. Default: `to-` and the peer's label. */
  readonly interface?: string;
  /** Addresses with prefix length: `10.0.0.1/24`, `fd00::1/64`. */
  readonly addresses: readonly string[];
  /** Routes through the peer: `{ to: 'default', via: '10.0.0.2' }`. */
  readonly routes?: readonly { readonly to: string; readonly via: string }[];
}

/**
 * Connects two namespaces by a veth pair. Addresses are usable at once (no duplicate address detection).
 *
 * @example await link(client, router, {
 *   a: { addresses: ['10.0.0.2/24', 'fd00::2/64'], routes: [{ to: 'default', via: '10.0.0.1' }, { to: 'default', via: 'fd00::1' }] },
 *   b: { addresses: ['10.0.0.1/24', 'fd00::1/64'] },
 * });
 */
export async function link(a: Namespace, b: Namespace, ends: { a: LinkEnd; b: LinkEnd }): Promise<void> {
  const nameA = ends.a.interface ?? defaultInterface(b);
  const nameB = ends.b.interface ?? defaultInterface(a);
  await a.run('ip', ['link', 'add', nameA, 'type', 'veth', 'peer', 'name', nameB, 'netns', b.name]);
  for (const [namespace, name] of [
    [a, nameA],
    [b, nameB],
  ] as const) {
    await namespace.run('ip', ['link', 'set', name, 'up']);
  }
  for (const [namespace, name, end] of [
    [a, nameA, ends.a],
    [b, nameB, ends.b],
  ] as const) {
    await untilUp(namespace, name);
    await configure(namespace, name, end);
  }
}

/** `nft list ruleset` without counter values. Rejects when nft cannot print the ruleset. */
export function listRuleset(namespace: Namespace): Promise<string> {
  return namespace.run('nft', ['-s', 'list', 'ruleset']);
}

function defaultInterface(peer: Namespace): string {
  const label = peer.name.split('-').slice(3).join('-');
  return `to-${label}`.slice(0, 15);
}

/** A veth is up a moment after both ends were set up: the kernel looks at carriers in its own time. */
async function untilUp(namespace: Namespace, name: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if ((await namespace.run('ip', ['link', 'show', name])).includes(' state UP ')) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${name} of ${namespace.name} did not come up`);
}

async function configure(namespace: Namespace, name: string, end: LinkEnd): Promise<void> {
  const lines = end.addresses.map(
    (address) => `address add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`,
  );
  await namespace.run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` });
  for (const route of end.routes ?? []) {
    const family = route.via.includes(':') ? '-6' : '-4';
    await namespace.run('ip', [family, 'route', 'add', route.to, 'via', route.via, 'dev', name]);
  }
}

/** Once per process: promise to clean up at exit, and clean up after processes that could not. */
function prepare(): void {
  if (prepared) return;
  prepared = true;
  process.on('exit', () => {
    for (const namespace of living) namespace.destroyNow();
  });
  for (const name of existingNames()) {
    const owner = new RegExp(`^${prefix}(\\d+)-[0-9a-f]{6}-`).exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) spawnSync('ip', ['netns', 'del', name]);
  }
}

function existingNames(): string[] {
  // `ip netns add` makes the directory; before the first one there is none.
  execFileSync('mkdir', ['-p', directory]);
  return readdirSync(directory);
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function execute(command: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: 1 << 30 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
    });
    // A command that fails before reading its input closes the pipe; its exit code tells the story.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}
