import type { ChildProcess } from 'node:child_process';

/** A command that somebody wants to run in a container. */
export interface PodCommand {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** Whether something is sent to it. */
  readonly stdin: boolean;
}

/** Starts a command as the kubelet of the pod's node does. @throws Error that says why it cannot. */
export type ExecInPod = (command: PodCommand) => Promise<ChildProcess>;
