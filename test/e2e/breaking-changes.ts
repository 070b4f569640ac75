import type { Stage } from './stage.ts';
import { rollout } from './stage.ts';
import * as nftproxy from './nftproxy.ts';

/** A change that looks valid, and breaks every node that gets it. */
export interface BreakingChange {
  readonly name: string;
  /** Brings it about as a person would. */
  readonly make: (stage: Stage) => Promise<void>;
  /** The ProxyConfig that is rolled out; `default` if left out. */
  readonly config?: string;
  /** Why the canary fails, and what is said of it: what happened, and what to do. */
  readonly reason: string;
  readonly says: RegExp;
}

/** A name of 15 characters, as many as an interface may have, but of 30 bytes: only a node can tell that it is too long. */
const unusable = { detectLocal: { mode: 'BridgeInterface', bridgeInterface: 'ü'.repeat(15) } };

/** The address that node-1 connects to Services from; nobody else knows it: without masquerading nothing answers. */
export const secondAddress = '198.51.100.1';

/** Of a ProxyConfig that is as it should be: what it says is tried on together with the agents that it is said to. */
const runAgentsOf = (image: string) => async (stage: Stage) => {
  await stage.edit();
  await stage.tellOperator(`--image=${image}`);
};

const agentSettings = (agent: object) => (stage: Stage) => stage.edit({ agent });

export const breakingChanges: readonly BreakingChange[] = [
  {
    name: 'an interface that no node can have',
    make: (stage) => stage.edit(unusable),
    reason: 'SettingsRefused',
    says: /not an interface name.*Edit the spec to try again$/,
  },
  {
    name: 'cluster CIDRs that cut the node off',
    // They call the address a pod's.
    make: (stage) => stage.edit({ clusterCIDRs: ['128.0.0.0/1', '::/0'] }),
    reason: 'SettingsRolledBack',
    says: /could not with them: .*Service default\/.*Change ProxyConfig default/,
  },
  {
    name: 'nodePortAddresses that the node has none of',
    make: (stage) => stage.edit({ nodePortAddresses: ['203.0.113.0/24'] }),
    reason: 'SettingsRolledBack',
    says: /NodePort 30080 of Service default\/echo-outside at any address of this node\. Change ProxyConfig default/,
  },
  {
    name: 'a ProxyConfig of higher priority that takes all nodes',
    make: async ({ cluster }) => {
      const spec = { ...nftproxy.proxyConfig({ rollout, ...unusable, priority: 10 }), metadata: { name: 'other' } };
      await nftproxy.apply(cluster, spec);
    },
    config: 'other',
    reason: 'SettingsRefused',
    says: /nodes have gone back to what they had before/,
  },
  {
    name: 'an image that cannot be pulled',
    make: runAgentsOf('registry.example/missing:1'),
    reason: 'AgentNotRunning',
    says: /ImagePullBackOff.*Check the image's name, spec\.agent\.imagePullSecrets and the registry/,
  },
  {
    name: 'an image whose program crashes',
    make: runAgentsOf('registry.example/pause:1'),
    reason: 'AgentNotRunning',
    says: /CrashLoopBackOff.*exit code 1.*kubectl logs --previous of Pod nftproxy-agent-/,
  },
  {
    name: 'an argument that agents do not know',
    make: async (stage) => {
      await stage.tellOperator('--log-format=json');
      await stage.edit({ agent: { extraArgs: ['--no-such-flag'] } });
    },
    reason: 'AgentNotRunning',
    says: /CrashLoopBackOff.*exit code 2.*kubectl logs --previous of Pod nftproxy-agent-/,
  },
  {
    name: 'a limit of memory that is too small',
    make: agentSettings({ resources: { requests: { memory: '8Mi' }, limits: { memory: '16Mi' } } }),
    reason: 'AgentNotRunning',
    says: /OOMKilled.*Raise spec\.agent\.resources\.limits\.memory/,
  },
  {
    name: 'a request that no node can satisfy',
    make: agentSettings({ resources: { requests: { cpu: '1000' } } }),
    reason: 'AgentNotRunning',
    says: /Unschedulable\. Lower spec\.agent\.resources/,
  },
  {
    name: 'an address for health checks that the node does not have',
    make: agentSettings({ healthzBindAddress: '192.0.2.77:10356' }),
    reason: 'CannotListen',
    says: /cannot serve health on 192\.0\.2\.77:10356: this node has no such address.*spec\.agent of the ProxyConfig/,
  },
];
