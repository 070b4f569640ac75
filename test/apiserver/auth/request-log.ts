import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { User } from './tokens.ts';

/** What a service account asked for, once for each kind of request; a line of JSON in a file. */
export interface LoggedRequest {
  readonly account: string;
  readonly verb: string;
  readonly group: string;
  /** With its subresource: `nodes/status`. */
  readonly resource: string;
  readonly name: string;
  readonly allowed: boolean;
}

/**
 * Writes down what service accounts ask for, in a file of this process's own in a folder, so that their rights can be held
 * against that after all tests (scripts/test/rights.ts).
 */
export class RequestLog {
  readonly #file: string;
  readonly #seen = new Set<string>();

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, `${process.pid}.jsonl`);
  }

  note(user: User, asked: Pick<LoggedRequest, 'verb' | 'group' | 'resource' | 'name'>, allowed: boolean): void {
    const [, account] = /^system:serviceaccount:[^:]+:(.+)$/.exec(user.name) ?? [];
    if (account === undefined) return;
    const request: LoggedRequest = { account, ...asked, allowed };
    const line = `${JSON.stringify(request)}\n`;
    if (this.#seen.has(line)) return;
    this.#seen.add(line);
    appendFileSync(this.#file, line);
  }
}
