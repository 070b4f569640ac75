import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { crdReasons } from '../../src/operator/crds/index.ts';
import { reasons as conditionReasons } from '../../src/operator/status/index.ts';
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

it('docs/reasons.md names every reason of every condition of a ProxyConfig', () => {
  const section = page.slice(0, page.indexOf('## ProxyNodeState'));
  for (const [type, list] of Object.entries(conditionReasons)) {
    const row = section.split('\n').find((line) => line.startsWith(`| \`${type}\``)) ?? '';
    for (const reason of list) expect(row).toContain(`\`${reason}\``);
  }
});
