import { worst } from '../preflight/index.ts';
import type { Finding, Outcome } from '../preflight/index.ts';
import type { Answer } from './agent-pods.ts';

/** What was found on a node, or why it could not be asked. */
export interface FoundOnNode {
  readonly node: string;
  readonly findings?: readonly Finding[];
  readonly why?: string;
}

const indent = ' '.repeat(28);

/** What one node's preflight found, as lines for people. */
export function findingsText(findings: readonly Finding[]): string {
  return findings.map(findingText).join('');
}

function findingText({ name, outcome, what, todo }: Finding): string {
  const line = `${outcome.padEnd(9)} ${name.padEnd(17)} ${what}\n`;
  return todo === undefined ? line : `${line}${indent}${todo}\n`;
}

/** What `nftproxy preflight --output=json` printed on nodes, by their names. */
export function readAnswers(answers: ReadonlyMap<string, Answer>): FoundOnNode[] {
  return [...answers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, answer]) => ({ node, ...read(answer) }));
}

/** It printed nothing only if it did not get so far. */
function read({ stdout, stderr, exitCode }: Answer): Omit<FoundOnNode, 'node'> {
  if (stdout === '') return { why: stderr.trim() || `exit code ${exitCode}` };
  // `as`: the agent is ours, and what its command promises.
  return { findings: (JSON.parse(stdout) as { findings: readonly Finding[] }).findings };
}

/** A table of the nodes, worst first, and below it each finding that is not Passed, with the nodes that have it. */
export function nodesText(found: readonly FoundOnNode[]): string {
  const rows = found.map(({ node, findings, why }) => ({ node, outcome: findings ? worst(findings) : '?', why }));
  const width = Math.max(...rows.map(({ node }) => node.length), 'NODE'.length);
  const lines = ['?', 'Blocking', 'Warning', 'Passed'].flatMap((outcome) =>
    rows
      .filter((row) => row.outcome === outcome)
      .map(({ node, why }) => `${node.padEnd(width)}  ${outcome}${why === undefined ? '' : `  ${why}`}`),
  );
  const groups = (['Blocking', 'Warning'] as const).flatMap((outcome) => grouped(found, outcome));
  return [`${'NODE'.padEnd(width)}  PREFLIGHT\n${lines.join('\n')}\n`, ...groups].join('\n');
}

/** The findings with this outcome, those of most nodes first. */
function grouped(found: readonly FoundOnNode[], outcome: Outcome): string[] {
  const nodes = new Map<string, string[]>();
  for (const { node, findings = [] } of found) {
    for (const finding of findings.filter((each) => each.outcome === outcome)) {
      const text = findingText(finding);
      nodes.set(text, [...(nodes.get(text) ?? []), node]);
    }
  }
  return [...nodes]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([text, those]) => `${text}${indent}on ${those.join(', ')}\n`);
}
