import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kubeProxyLabel } from '../../src/api/index.ts';
import { commandBlocks } from '../support/index.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
const page = read('docs/operations.md');

/** The text below a heading, up to the next one. */
const section = (heading: string) => page.split(`${heading}\n`)[1]?.split(/^#+ /m)[0] ?? '';

describe('docs/operations.md', () => {
  it('has kube-proxy given back before anything is removed, and says what to do when that was forgotten', () => {
    const removing = section('## Removing nftproxy');
    const [back, away] = [removing.indexOf('kubeProxyManagement: Disabled'), removing.indexOf('kubectl delete')];
    expect(back).toBeGreaterThan(0);
    expect(away).toBeGreaterThan(back);
    expect(removing).toContain(`kubectl label nodes --all ${kubeProxyLabel}-`);
  });

  it('upgrades and uninstalls the release that it installs with Helm', () => {
    const helm = commandBlocks('docs/operations.md').find(({ commands }) => commands[0]?.startsWith('helm install'));
    const verbs = helm?.commands.map((line) => line.split(' ').slice(0, 3).join(' '));
    expect(verbs).toEqual(['helm install nftproxy', 'helm upgrade nftproxy', 'helm uninstall nftproxy']);
    for (const line of helm?.commands ?? []) expect(line).toContain('--namespace nftproxy-system');
  });
});
