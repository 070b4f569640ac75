import { expect, it } from 'vitest';
import type { Finding } from '../../../src/preflight/index.ts';
import { AgentRig } from '../agent-rig.ts';
import { kubeProxyCommand } from '../../support/kube-proxy/index.ts';
import { eventually, Namespace, runNftproxy, startNftproxy } from '../../support/index.ts';
import { startKubeProxy } from './rig.ts';
import { createServices } from './services.ts';

it('preflight on a node with kube-proxy says what is there, and changes nothing', async () => {
  await using rig = await AgentRig.create();
  await createServices(rig);
  const proxy = await startKubeProxy(rig, kubeProxyCommand(), 'iptables');
  // The last of its chains is there before the last of its rules.
  const healthy = async () => (await rig.get('node', 'http://127.0.0.1:10256/healthz')).status === 200;
  await rig.until('its first sync', healthy, proxy);
  await rig.node.run('iptables-nft', ['-P', 'FORWARD', 'DROP']);
  rig.node.sysctl({ 'net.ipv4.conf.all.route_localnet': 1 });
  const before = await rig.nft('-s', 'list', 'ruleset');
  const { exitCode, stdout } = await rig.nftproxy('preflight', '--output', 'json');
  expect(exitCode).toBe(0);
  // `as`: what the command promises.
  const { outcome, findings } = JSON.parse(stdout) as { outcome: string; findings: Finding[] };
  expect(outcome).toBe('Warning');
  const of = (name: string): string => findings.find((finding) => finding.name === name)?.what ?? '';
  expect(of('kernel')).toMatch(/^has all \d+ features/);
  expect(of('kube-proxy')).toContain('mode iptables');
  expect(of('kube-proxy-rules')).toContain('chains of ip nat');
  expect(of('foreign-rules')).toContain('ip filter FORWARD');
  expect(of('route_localnet')).toContain('is 1');
  expect(await rig.nft('-s', 'list', 'ruleset')).toBe(before);
  await proxy.end('SIGTERM');
});

it('preflight on a bare node finds nothing to warn of, in a few lines', async () => {
  await using node = await Namespace.create('bare');
  const { exitCode, stdout } = await runNftproxy(node, 'preflight');
  expect(exitCode).toBe(0);
  expect(stdout.match(/^(?:Passed|Warning|Blocking) /gm)).toEqual(Array.from({ length: 7 }, () => 'Passed '));
});

it('preflight of mode iptables asks for what that mode is made of, and leaves nothing', async () => {
  await using node = await Namespace.create('bare');
  const { exitCode, stdout } = await runNftproxy(node, 'preflight', '--mode=iptables');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^Passed +iptables +programs and kernel have all that mode iptables needs/m);
  expect(stdout).not.toMatch(/^\w+ +kernel /m);
  expect(await node.run('xtables-nft-multi', ['iptables-save'])).not.toContain('NFTPROXY');
});

/** As an agent answers that has much to do just now: the second question late, the first time it is asked. */
const busyAgent = `
  let asked = 0;
  require('node:http').createServer(({ url }, response) => {
    if (url === '/serviceports' && asked++ === 0) return;
    response.end(url === '/proxyMode' ? 'nftables' : '');
  }).listen(10249, '127.0.0.1', () => console.log('listening'));
`;

it('preflight does not take an agent for kube-proxy that is slow to answer', async () => {
  await using node = await Namespace.create('busy');
  const agent = node.start([process.execPath, '-e', busyAgent]);
  await eventually('an agent', () => agent.output.includes('listening'));
  const { stdout } = await runNftproxy(node, 'preflight');
  expect(stdout).toContain('does not run here; nftproxy has its ports');
});

it('without CAP_NET_ADMIN preflight says so, and that it is Blocking', async () => {
  await using node = await Namespace.create('unprivileged');
  const running = startNftproxy(node, ['preflight'], { capabilities: [] });
  expect(await running.ended).toMatchObject({ exitCode: 1 });
  expect(running.output).toMatch(/^Blocking +kernel .*\n +Give the agent CAP_NET_ADMIN/m);
});
