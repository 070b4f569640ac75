/** `Blocking`: nftproxy cannot work on this node. `Warning`: something will be otherwise than one might expect. */
export type Outcome = 'Passed' | 'Warning' | 'Blocking';

/** What one question about a node found. */
export interface Finding {
  /** What was looked at, in a word: `kernel`, `route_localnet`. */
  readonly name: string;
  readonly outcome: Outcome;
  readonly what: string;
  /** What a person should do; absent when there is nothing to do. */
  readonly todo?: string;
}

/** The worst of all. */
export function worst(findings: readonly Finding[]): Outcome {
  for (const outcome of ['Blocking', 'Warning'] as const) {
    if (findings.some((finding) => finding.outcome === outcome)) return outcome;
  }
  return 'Passed';
}

export function passed(name: string, what: string): Finding {
  return { name, outcome: 'Passed', what };
}

export function warning(name: string, what: string, todo: string): Finding {
  return { name, outcome: 'Warning', what, todo };
}

export function blocking(name: string, what: string, todo: string): Finding {
  return { name, outcome: 'Blocking', what, todo };
}
