import type { Namespace } from '../../support/index.ts';
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
 * Asks a container's HTTP probe once, from inside a network namespace (the node's, as a kubelet would).
 * @throws Error when the probe is of another kind or its named port does not exist.
 */
export async function runProbe(
  probe: Probe,
  container: Container,
  way: { readonly from: Namespace; readonly to: string },
): Promise<ProbeResult> {
  const { httpGet } = probe;
  if (httpGet === undefined || httpGet.scheme === 'HTTPS') {
    throw new Error(`container ${container.name}: only HTTP probes work here`);
  }
  const { host = way.to, path = '/' } = httpGet;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${portNumber(httpGet.port, container)}${path}`;
  try {
    const { status } = await way.from.get(url, (probe.timeoutSeconds ?? 1) * 1000);
    return { success: status >= 200 && status < 400, message: `HTTP status ${status}` };
  } catch (error) {
    return { success: false, message: error instanceof Error ? error.message : String(error) };
  }
}

/** A port by number, or by the name that the container gives it. */
export function portNumber(port: number | string, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find((candidate) => candidate.name === port);
  if (named === undefined) throw new Error(`container ${container.name} has no port named ${port}`);
  return named.containerPort;
}
