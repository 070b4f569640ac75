import { setTimeout as sleep } from 'node:timers/promises';
import { amountOf } from '../../../src/api/index.ts';
import type { ManagedProcess, ProcessEnd } from '../../support/index.ts';
import { ImagePullError } from './container-command.ts';
import { residentBytes } from './memory.ts';
import type { Container, ContainerStatus, Probe } from './objects.ts';
import { ProbeJudge } from './probes.ts';
import type { ProbeResult } from './probes.ts';

/** Milliseconds before the n-th restart in a row: at once, then 0.2 s, 0.4 s ... 2 s (a kubelet's are many times longer). */
export function restartDelay(restartsInARow: number): number {
  return restartsInARow === 0 ? 0 : Math.min(200 * 2 ** (restartsInARow - 1), 2000);
}

/** A process that ran this long starts with a fresh back-off when it ends. */
const healthyAfter = 30_000;

export interface ContainerEffects {
  start(): Promise<ManagedProcess>;
  probe(probe: Probe): Promise<ProbeResult>;
  /** Something that the pod's status shows has changed. */
  changed(): void;
  log(line: string): void;
}

/**
 * One container of a pod: keeps its process running according to the restart policy, and asks its probes.
 */
export class RunningContainer {
  readonly spec: Container;
  readonly #effects: ContainerEffects;
  readonly #restartPolicy: string;
  readonly #stopping = new AbortController();
  #process: ManagedProcess | undefined;
  #startedAt: Date | undefined;
  #lastEnd: { end: ProcessEnd; startedAt: Date; finishedAt: Date; outOfMemory: boolean } | undefined;
  #waiting: { reason: string; message?: string } | undefined = { reason: 'ContainerCreating' };
  #restarts = 0;
  #restartsInARow = 0;
  #ready = false;
  #loop: Promise<void> | undefined;

  constructor(spec: Container, restartPolicy: string, effects: ContainerEffects) {
    this.spec = spec;
    this.#restartPolicy = restartPolicy;
    this.#effects = effects;
  }

  run(): void {
    this.#loop ??= this.#keepRunning();
  }

  /** Process id, while it runs. */
  get pid(): number | undefined {
    return this.#process?.running === true ? this.#process.pid : undefined;
  }

  get ready(): boolean {
    return this.#ready && this.pid !== undefined;
  }

  /** The exit code with which the container ended for good, given its restart policy. */
  get finalExitCode(): number | undefined {
    if (this.pid !== undefined || this.#waiting !== undefined || this.#lastEnd === undefined) return undefined;
    return exitCodeOf(this.#lastEnd.end);
  }

  async stop(graceMilliseconds: number): Promise<void> {
    this.#stopping.abort();
    await this.#process?.stop(graceMilliseconds);
    await this.#loop;
  }

  async #keepRunning(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const failure = await this.#runOnce();
      if (!this.#wantsRestart()) break;
      const delay = restartDelay(this.#restartsInARow);
      this.#waiting = backOffAfter(failure, delay);
      this.#effects.changed();
      await this.#pause(delay);
      if (failure === undefined) this.#restarts += 1;
      this.#restartsInARow += 1;
    }
    this.#effects.changed();
  }

  #wantsRestart(): boolean {
    if (this.#stopping.signal.aborted || this.#restartPolicy === 'Never') return false;
    if (this.#restartPolicy !== 'OnFailure') return true;
    return this.#lastEnd === undefined || exitCodeOf(this.#lastEnd.end) !== 0;
  }

  /** Runs the process to its end; gives why it could not even be started. */
  async #runOnce(): Promise<unknown> {
    const startedAt = new Date();
    try {
      this.#process = await this.#effects.start();
    } catch (error) {
      const reason = error instanceof ImagePullError ? 'ErrImagePull' : 'CreateContainerError';
      this.#waiting = { reason, message: messageOf(error) };
      this.#effects.changed();
      this.#effects.log(`container ${this.spec.name}: ${messageOf(error)}`);
      return error;
    }
    this.#startedAt = startedAt;
    this.#waiting = undefined;
    this.#ready = this.spec.readinessProbe === undefined && this.spec.startupProbe === undefined;
    this.#effects.changed();
    const over = new AbortController();
    const probing = this.#probeWhileRunning(over.signal);
    const watching = this.#watchMemory(this.#process, over.signal);
    const end = await this.#process.ended;
    over.abort();
    await probing;
    const outOfMemory = await watching;
    this.#ready = false;
    this.#lastEnd = { end, startedAt, finishedAt: new Date(), outOfMemory };
    this.#effects.log(
      `container ${this.spec.name} ended: exit code ${exitCodeOf(end)}${end.signal === null ? '' : ` (${end.signal})`}`,
    );
    if (Date.now() - startedAt.getTime() > healthyAfter) this.#restartsInARow = 0;
    return undefined;
  }

  /** Kills the process when it takes more memory than its limit; whether it had to. A kernel is quicker. */
  async #watchMemory(process: ManagedProcess, over: AbortSignal): Promise<boolean> {
    const limit = amountOf(this.spec.resources?.limits?.memory ?? '');
    while (!Number.isNaN(limit) && !over.aborted) {
      if (residentBytes(process.pid) > limit) {
        process.kill('SIGKILL');
        return true;
      }
      await pause(250, over);
    }
    return false;
  }

  async #probeWhileRunning(over: AbortSignal): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.spec;
    if (startupProbe !== undefined) await this.#untilStarted(startupProbe, over);
    if (over.aborted) return;
    if (readinessProbe === undefined) this.#setReady(true);
    await Promise.all([
      this.#watchProbe(readinessProbe, over, (ok) => {
        this.#setReady(ok);
      }),
      this.#watchProbe(livenessProbe, over, (ok, message) => {
        if (!ok) this.#unhealthy(message);
      }),
    ]);
  }

  async #untilStarted(probe: Probe, over: AbortSignal): Promise<void> {
    const started = new AbortController();
    await this.#watchProbe(probe, AbortSignal.any([over, started.signal]), (ok, message) => {
      if (ok) started.abort();
      else this.#unhealthy(message);
    });
  }

  /**
   * Asks a probe again and again and tells when its outcome has changed. Until the first success it asks four times a
   * second, because tests must not wait ten seconds for it.
   */
  async #watchProbe(
    probe: Probe | undefined,
    over: AbortSignal,
    tell: (ok: boolean, message: string) => void,
  ): Promise<void> {
    if (probe === undefined) return;
    const period = (probe.periodSeconds ?? 10) * 1000;
    const judge = new ProbeJudge(probe);
    await pause((probe.initialDelaySeconds ?? 0) * 1000, over);
    while (!over.aborted) {
      const { success, message } = await this.#probeOnce(probe);
      if (judge.changes(success, Date.now()) && !signalled(over)) tell(success, message);
      await pause(judge.decided ? period : Math.min(period, 250), over);
    }
  }

  async #probeOnce(probe: Probe): Promise<ProbeResult> {
    try {
      return await this.#effects.probe(probe);
    } catch (error) {
      return { success: false, message: messageOf(error) };
    }
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    this.#effects.changed();
  }

  #unhealthy(message: string): void {
    this.#effects.log(`container ${this.spec.name} fails its liveness probe and is killed: ${message}`);
    this.#process?.kill('SIGKILL');
  }

  async #pause(milliseconds: number): Promise<void> {
    await pause(milliseconds, this.#stopping.signal);
  }

  status(): ContainerStatus {
    const last = this.#lastEnd;
    const terminated =
      last === undefined
        ? undefined
        : {
            exitCode: exitCodeOf(last.end),
            reason: endReason(last),
            startedAt: last.startedAt.toISOString(),
            finishedAt: last.finishedAt.toISOString(),
          };
    const running = this.pid === undefined ? undefined : { startedAt: this.#startedAt?.toISOString() };
    return {
      name: this.spec.name,
      image: this.spec.image,
      imageID: this.spec.image,
      ready: this.ready,
      started: running !== undefined,
      restartCount: this.#restarts,
      state: stateOf(running, this.#waiting, terminated),
      ...(terminated === undefined || this.finalExitCode !== undefined ? {} : { lastState: { terminated } }),
    };
  }
}

function stateOf(running: object | undefined, waiting: object | undefined, terminated: object | undefined): object {
  if (running !== undefined) return { running };
  if (waiting !== undefined) return { waiting };
  return terminated === undefined ? {} : { terminated };
}

/** A kubelet's words while it waits before it tries again. */
function backOffAfter(failure: unknown, delay: number): { reason: string; message: string } {
  if (failure === undefined) return { reason: 'CrashLoopBackOff', message: `restart in ${delay} ms` };
  const reason = failure instanceof ImagePullError ? 'ImagePullBackOff' : 'CreateContainerError';
  return { reason, message: messageOf(failure) };
}

function endReason({ end, outOfMemory }: { end: ProcessEnd; outOfMemory: boolean }): string {
  if (outOfMemory) return 'OOMKilled';
  return exitCodeOf(end) === 0 ? 'Completed' : 'Error';
}

/** 128 + the signal's number, as shells and container runtimes count. */
function exitCodeOf(end: ProcessEnd): number {
  const signals: Partial<Record<NodeJS.Signals, number>> = { SIGKILL: 137, SIGTERM: 143, SIGINT: 130 };
  return end.exitCode ?? (end.signal === null ? 1 : (signals[end.signal] ?? 128));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Asked through a function, because it changes while we wait. */
function signalled(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
