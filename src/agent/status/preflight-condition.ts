import { shorten } from '../../api/index.ts';
import { worst } from '../../preflight/index.ts';
import type { Finding } from '../../preflight/index.ts';
import type { Verdict } from './verdict.ts';

/** The condition `Preflight`; `longest`: characters of the message. Warnings degrade nothing. */
export function preflightCondition(findings: readonly Finding[], longest: number): Verdict<'Preflight'> {
  const outcome = worst(findings);
  if (outcome === 'Passed') return ['True', 'Passed', 'the node has what nftproxy needs, and nothing is in its way'];
  // What keeps the node from being served leaves no room for what does not.
  const told = findings.filter((finding) => finding.outcome === outcome);
  const message = messageOf(told, longest);
  return outcome === 'Blocking' ? ['False', 'Blocking', message] : ['True', 'Warnings', message];
}

/** Why nothing is written to the kernel; undefined if it is. */
export function whatBlocks(findings: readonly Finding[] = []): string | undefined {
  const first = findings.find(({ outcome }) => outcome === 'Blocking');
  return first && `nothing is written to the kernel: ${textOf(first)}`;
}

/** Of several each has the same room, as the words of the last are worth as much. */
function messageOf(findings: readonly Finding[], longest: number): string {
  const separator = '; ';
  const each = Math.floor((longest - separator.length * (findings.length - 1)) / findings.length);
  return findings.map((finding) => shorten(`${finding.name}: ${textOf(finding)}`, each)).join(separator);
}

function textOf({ what, todo }: Finding): string {
  return todo === undefined ? what : `${what}. ${todo}`;
}
