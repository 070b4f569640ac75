import { CommandError, runCommand } from '../commands.ts';
import type { Container, Probe } from './objects.ts';

export interface ProbeResult {
  success: boolean;
  message: string;
}

/** Decides from a probe's answers whether a container is well: good or bad only after its thresholds. */
export class ProbeJudge {
  readonly #probe: Probe;
  #verdict: boolean | undefined;
  #successes = 0;
  #failingSince: number | undefined;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  /** Whether there has been a verdict. */
  get decided(): boolean {
    return this.#verdict !== undefined;
  }

  /**
   * Takes one answer. True when it changes the verdict: to good after `successThreshold` answers in a row, to bad when
   * the probe has failed for `failureThreshold` periods (time counts, not answers, as we may ask more often).
   * @param now milliseconds.
   */
  changes(success: boolean, now: number): boolean {
    this.#successes = success ? this.#successes + 1 : 0;
    this.#failingSince = success ? undefined : (this.#failingSince ?? now);
    if (!this.#isConvincing(now) || this.#verdict === success) return false;
    this.#verdict = success;
    return true;
  }

  #isConvincing(now: number): boolean {
    const { successThreshold = 1, failureThreshold = 3, periodSeconds = 10 } = this.#probe;
    if (this.#failingSince === undefined) return this.#successes >= successThreshold;
    return now - this.#failingSince >= (failureThreshold - 1) * periodSeconds * 1000;
  }
}

/**
 * Asks a container's HTTP or TCP probe once, from inside a network namespace (the node's, as a kubelet would).
 * bash speaks TCP itself: no curl needed, and a few milliseconds only.
 * @throws Error when the probe is of another kind or its named port does not exist.
 */
export async function runProbe(
  probe: Probe,
  container: Container,
  namespace: string,
  podIP: string,
): Promise<ProbeResult> {
  const { host = podIP, port, path } = probeTarget(probe, container);
  const timeout = String(probe.timeoutSeconds ?? 1);
  try {
    // --norc: bash takes a standard input that is a socket for a remote shell's, and would run ~/.bashrc first.
    const command = ['timeout', timeout, 'bash', '--norc', '-c', probeScript, host, String(port), path ?? ''];
    const options = { env: { PATH: process.env['PATH'] }, timeout: 30_000 };
    const { stdout } = await runCommand('ip', ['netns', 'exec', namespace, ...command], options);
    return path === undefined ? { success: true, message: 'connected' } : judgeStatusLine(stdout);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { success: false, message: error.exitCode === 124 ? `no answer within ${timeout} s` : error.stderr.trim() };
  }
}

/** What to connect to, and which path to ask for (none: connecting is enough). */
function probeTarget(probe: Probe, container: Container): { host?: string; port: number; path?: string } {
  const { httpGet, tcpSocket } = probe;
  if (httpGet?.scheme === 'HTTPS') throw new Error(`container ${container.name}: no HTTPS probes here`);
  const action = httpGet ?? tcpSocket;
  if (action === undefined) throw new Error(`container ${container.name}: only httpGet and tcpSocket probes work here`);
  const host = action.host === undefined ? {} : { host: action.host };
  const path = httpGet === undefined ? {} : { path: httpGet.path ?? '/' };
  return { ...host, port: portNumber(action.port, container), ...path };
}

const probeScript = String.raw`
exec 3<>"/dev/tcp/$0/$1" || exit 1
[ -z "$2" ] && exit 0
printf 'GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: kube-probe\r\nConnection: close\r\n\r\n' "$2" "$0" >&3
IFS= read -r status <&3
printf '%s\n' "$status"
`;

function judgeStatusLine(statusLine: string): ProbeResult {
  const code = Number(/^HTTP\/1\.\d (\d+)/.exec(statusLine)?.[1] ?? 0);
  return { success: code >= 200 && code < 400, message: statusLine.trim() || 'no status line' };
}

/** A port by number, or by the name that the container gives it. */
export function portNumber(port: number | string, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find((candidate) => candidate.name === port);
  if (named === undefined) throw new Error(`container ${container.name} has no port named ${port}`);
  return named.containerPort;
}
