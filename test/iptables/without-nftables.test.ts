import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conditionOf } from '../../src/api/index.ts';
import { AgentRig } from '../agent/index.ts';
import { patience, whyNoNftables } from '../support/index.ts';
import type { ManagedProcess } from '../support/index.ts';
import { addresses, loadBalancer, slice } from '../support/node/index.ts';

const missing = whyNoNftables();
const title = missing === undefined ? ' (this kernel has it: npm run test:kernels has one that has not)' : '';

describe.skipIf(missing === undefined)(`a node whose kernel has no nf_tables${title}`, () => {
  let host: AgentRig;
  let agent: ManagedProcess;

  beforeAll(async () => {
    host = await AgentRig.create();
    await host.publishCRDs();
    await host.service('web', loadBalancer());
    await host.slice('web-4', slice('web', 4, ['localPod', 'remotePod']));
    await host.slice('web-6', slice('web', 6, ['localPod', 'remotePod']));
  }, 60_000 * patience);
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
  });

  const legacy = (family: 4 | 6): Promise<string> =>
    host.node.run('xtables-legacy-multi', [`ip${family === 6 ? '6' : ''}tables-save`]);
  const message = async (type: string) => conditionOf((await host.nodeState()).status?.conditions, type)?.message;
  const ask = async (family: 4 | 6, where: 'clientPod' | 'outside') => {
    const [answer] = await host.request(where, { protocol: 'tcp', address: addresses[family].clusterIP, port: 80 });
    return answer?.error;
  };
  const everybodyIsServed = async (): Promise<void> => {
    for (const family of [4, 6] as const) {
      for (const where of ['clientPod', 'outside'] as const) expect(await ask(family, where)).toBeUndefined();
    }
  };

  it('is told by preflight what is missing, and that it can do mode iptables', async () => {
    const { exitCode, stdout } = await host.nftproxy('preflight');
    expect(stdout).toMatch(/^Blocking +kernel +the kernel does not have nf_tables .*\n +Use .*; or mode iptables/m);
    expect(stdout).not.toContain('cannot be looked at');
    expect(exitCode).toBe(1);
    const iptables = await host.nftproxy('preflight', '--mode=iptables');
    expect(iptables.stdout).toMatch(/^Passed +iptables /m);
    expect(iptables.exitCode).toBe(0);
    expect(await legacy(4)).not.toContain('NFTPROXY');
  });

  it('has nothing written by an agent in mode nftables, which says why', async () => {
    await host.assign();
    agent = host.startAssignedAgent();
    await host.until('a word', async () => (await host.condition('Synced')) === 'False PreflightBlocking', agent);
    expect(await host.condition('Preflight')).toBe('False Blocking');
    expect(await message('Preflight')).toMatch(/the kernel does not have nf_tables .*mode iptables/);
  });

  it('is served as soon as the mode is iptables, with rules of the variant legacy', async () => {
    await host.assign({ mode: 'iptables' });
    await host.until('the rules', async () => (await host.condition('Synced')) === 'True UpToDate', agent);
    await everybodyIsServed();
    for (const family of [4, 6] as const) expect(await legacy(family)).toContain('-j NFTPROXY-SERVICES');
    expect(await host.condition('Degraded')).toBe('False AsExpected');
    expect([await host.condition('Preflight'), await message('Preflight')]).toEqual([
      'True Passed',
      expect.any(String),
    ]);
    expect(agent.output).not.toContain('cannot remove the mode before');
  });

  it('goes on over a restart of the agent, and follows endpoints after it', async () => {
    await agent.end('SIGTERM');
    await everybodyIsServed();
    agent = host.startAssignedAgent();
    await host.firstSync(agent);
    await host.slice('web-4', slice('web', 4, []));
    await host.until('a refusal', async () => (await ask(4, 'clientPod')) === 'ECONNREFUSED', agent);
    expect(await ask(6, 'clientPod')).toBeUndefined();
  });

  it('lets go of kube-proxy’s rules when it is parked', async () => {
    const table = ['*nat', ':KUBE-SERVICES - [0:0]', '-A PREROUTING -j KUBE-SERVICES', 'COMMIT', ''].join('\n');
    await host.node.run('xtables-legacy-multi', ['iptables-restore', '--noflush'], { input: table });
    await host.parkKubeProxy();
    await host.until('its end', async () => (await host.condition('KubeProxyRules')) === 'False CleanedUp', agent);
    expect(await legacy(4)).not.toContain('KUBE-');
  });

  it('has nothing of ours any more after a clean-up', async () => {
    await agent.end('SIGTERM');
    const { exitCode, output } = await host.nftproxy('cleanup');
    expect([exitCode, output]).toEqual([0, expect.stringContaining('removed chains NFTPROXY-* of iptables (legacy)')]);
    for (const family of [4, 6] as const) expect(await legacy(family)).not.toContain('NFTPROXY');
  });
});
