import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crdFiles } from '../../src/api/schema/index.ts';
import { kstatus, waitReturns } from '../../src/operator/status/testing/index.ts';
import { parse } from 'yaml';
import { startApiServer } from '../apiserver/index.ts';
import type { KubeObject } from '../apiserver/index.ts';
import { argoHealth } from './argo.ts';
import { allStates } from './states.ts';
import type { State } from './states.ts';

const states = allStates();

/** Argo CD's words for what kstatus says. */
function expectedHealth({ verdict, suspended }: State): string {
  if (suspended) return 'Suspended';
  return { InProgress: 'Progressing', Failed: 'Degraded', Current: 'Healthy' }[verdict];
}

describe('tools that wait for a ProxyConfig', () => {
  test.each(states)('$name: Flux (kstatus) says $verdict', ({ config, verdict }) => {
    expect(kstatus(config), JSON.stringify(config.status?.conditions, undefined, 1)).toBe(verdict);
  });

  test('the script for Argo CD says the same in its own words, and tells why', () => {
    const health = argoHealth(states.map(({ config }) => config));
    expect(health.map(({ status }, index) => `${states[index]?.name ?? ''}: ${status}`)).toEqual(
      states.map((state) => `${state.name}: ${expectedHealth(state)}`),
    );
    for (const { message } of health) expect(message).not.toBe('');
  });

  test('Argo CD makes nothing worse of objects that are not as they should be', () => {
    const metadata = { name: 'odd', generation: 1 };
    const odd = [
      { metadata, spec: {} },
      { metadata, spec: {}, status: {} },
      { metadata, spec: {}, status: { observedGeneration: 1 } },
      { metadata, spec: {}, status: { observedGeneration: 1, conditions: [] } },
    ];
    for (const { status } of argoHealth(odd)) expect(status).toBe('Progressing');
  });

  test('kubectl wait returns exactly when it is Current', { timeout: 120_000 }, async () => {
    for (const { config, verdict } of states) expect(waitReturns(config)).toBe(verdict === 'Current');
    const met = await waitForAll(states);
    expect(met).toEqual(
      states
        .filter(({ verdict }) => verdict === 'Current')
        .map(({ name }) => name)
        .sort(),
    );
  });
});

/** The names of those for which `kubectl wait` returns. */
async function waitForAll(all: readonly State[]): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'nftproxy-gitops-'));
  const server = await startApiServer({ dataDirectory: directory });
  try {
    server.load([
      ...crdFiles().map(({ text }) => parse(text) as KubeObject),
      ...all.map(({ name, config }) => ({
        ...{ apiVersion: 'nftproxy.io/v1alpha1', kind: 'ProxyConfig', spec: config.spec as never },
        ...{ status: config.status as never, metadata: { name, generation: config.metadata.generation ?? 1 } },
      })),
    ]);
    const args = ['--kubeconfig', server.kubeconfig, 'wait', '--for=condition=Ready', 'nftpc', '--all', '--timeout=0'];
    const output = await outputOf('kubectl', args);
    return [...output.matchAll(/^proxyconfig\.nftproxy\.io\/(\S+) condition met$/gm)]
      .map(([, name]) => name ?? '')
      .sort();
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** What a program writes, whether it ends well or not. */
function outputOf(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
