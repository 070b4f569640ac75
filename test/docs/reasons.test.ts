import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { nodeConditionReasons } from '../../src/api/index.ts';
import { crdReasons } from '../../src/operator/crds/index.ts';
import { nodeReasons, reasons as conditionReasons } from '../../src/operator/status/index.ts';
import { reasons } from '../../src/services/index.ts';

// The formatter pads the columns of tables.
const page = readFileSync(new URL('../../docs/reasons.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');

it('docs/reasons.md explains every reason that an Event on a Service or EndpointSlice may have, in the same words', () => {
  for (const [reason, meaning] of Object.entries(reasons)) expect(page).toContain(`| \`${reason}\` | ${meaning} |`);
});

it('docs/reasons.md explains every reason that an Event on a CRD may have', () => {
  const section = page.slice(page.indexOf('## Events on CustomResourceDefinitions'));
  for (const reason of crdReasons) expect(section).toContain(`| \`${reason}\` |`);
});

const [configPart = '', nodePart = ''] = page.split('## ProxyNodeState');
/** They need nobody to do anything. */
const goodNews = ['Valid', 'AllNodesSynced', 'AsExpected', 'UpToDate', 'AsConfigured'];

/** The cells of the rows of a table that begin with this reason, in backticks. */
function rowsOf(part: string, reason: string): string[][] {
  const cells = part.split('\n').map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  return cells
    .map((row) => row.filter((cell, index) => index > 0 || cell.startsWith('`')))
    .filter((row) => row.includes(`\`${reason}\``));
}

it.each([
  ['a ProxyConfig', configPart, conditionReasons],
  ['a ProxyNodeState', nodePart, nodeConditionReasons],
] as const)('docs/reasons.md has every reason of every condition of %s, and what to do', (_kind, part, lists) => {
  for (const [type, list] of Object.entries<readonly string[]>(lists)) {
    const row = part.split('\n').find((line) => line.startsWith(`| \`${type}\``)) ?? '';
    for (const reason of list) {
      expect(row, `${type} in the table of types`).toContain(`\`${reason}\``);
      const explained = rowsOf(part, reason).find((cells) => cells.length === 3) ?? [];
      expect(explained[1], `what ${reason} means`).toBeTruthy();
      if (!goodNews.includes(reason)) expect(explained[2], `what to do about ${reason}`).toBeTruthy();
    }
  }
});

it('docs/reasons.md has every reason for which a ProxyConfig names nodes, and what to do', () => {
  for (const [list, reasonsOfList] of Object.entries<readonly string[]>(nodeReasons)) {
    expect(configPart).toContain(`| \`${list}\` |`);
    for (const reason of reasonsOfList) {
      const cells = rowsOf(configPart, reason).map((row) => row.slice(row.indexOf(`\`${reason}\``)));
      expect(
        cells.some((row) => row.length === 3 && row.every((cell) => cell !== '')),
        reason,
      ).toBe(true);
    }
  }
});
