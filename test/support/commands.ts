import { execFile } from 'node:child_process';

/** What a command printed. */
export interface CommandOutput {
  stdout: string;
  stderr: string;
}

/** A command that could not be started or did not end with exit code 0. */
export class CommandError extends Error {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(commandLine: string, exitCode: number | undefined, output: CommandOutput, cause: Error) {
    super(`${commandLine}: ${output.stderr.trim() || output.stdout.trim() || cause.message}`, { cause });
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.stdout = output.stdout;
    this.stderr = output.stderr;
  }
}

export interface CommandOptions {
  /** Written to the command's standard input. */
  input?: string;
  env?: Record<string, string | undefined>;
  /** Milliseconds after which the command is killed; 60,000 by default. */
  timeout?: number;
}

/**
 * Runs a command to its end, without a shell. It is started before this returns: in the namespace of the caller.
 * @throws CommandError naming the command line and what it wrote to stderr.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { env: options.env ?? process.env, timeout: options.timeout ?? 60_000, maxBuffer: 1 << 30 },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr });
        else {
          const exitCode = typeof error.code === 'number' ? error.code : undefined;
          reject(new CommandError([command, ...args].join(' '), exitCode, { stdout, stderr }, error));
        }
      },
    );
    // A command that ends without reading its input closes the pipe; its exit code tells the story.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs a script of `sh`, which stops at the first command that fails. @throws CommandError */
export async function runScript(lines: readonly string[]): Promise<void> {
  await runCommand('sh', ['-es'], { input: `${lines.join('\n')}\n` });
}
