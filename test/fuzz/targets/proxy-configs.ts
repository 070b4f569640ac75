import { isDeepStrictEqual } from 'node:util';
import { nodeSettings } from '../../../src/agent/sync/testing/index.ts';
import { effectiveAgent, revisionOf, withDefaults } from '../../../src/api/index.ts';
import type { Metadata, ProxyConfigSpec, ProxyNodeState } from '../../../src/api/index.ts';
import { checkStoredSpec, validateProxyConfig } from '../../../src/api/schema/index.ts';
import { restoreInput } from '../../../src/dataplane/iptables/testing/index.ts';
import {
  agentTemplate,
  annotationOf,
  daemonSetFor,
  placed,
  placementOf,
  templatesAnnotation,
} from '../../../src/operator/agents/testing/index.ts';
import { checkedConfig } from '../../../src/operator/cluster/testing/index.ts';
import type { CheckedConfig, ClusterNode } from '../../../src/operator/cluster/index.ts';
import { plan } from '../../../src/operator/rollout/index.ts';
import type { ConfigPlan, Plan } from '../../../src/operator/rollout/index.ts';
import { configStatus } from '../../../src/operator/status/testing/index.ts';
import type { Json, Target } from '../engine/target.ts';
import { crdSchema, misfits } from './crd-schema.ts';
import { checkPodTemplate, isSubdomain, mostAnnotationBytes } from './pod-rules.ts';
import { check } from './promised.ts';
import { configSeeds, specSeeds } from './proxy-config-seeds.ts';

const schemas = {
  spec: crdSchema('proxyconfigs', 'spec'),
  status: crdSchema('proxyconfigs', 'status'),
  nodeState: crdSchema('proxynodestates', 'spec'),
};

/** All that JavaScript itself has on every object: whoever changes that changes everything. */
const everybodys = Object.getOwnPropertyNames(Object.prototype).join();

function fits(schema: (typeof schemas)[keyof typeof schemas], value: unknown, what: string): void {
  // As it is sent.
  const [first] = misfits(schema, JSON.parse(JSON.stringify(value)), what);
  check(first === undefined, `an API server takes it: ${String(first)}`);
}

function checkErrors(errors: readonly { path: string; message: string }[]): void {
  check(errors.length > 0, 'what is refused has a reason');
  for (const { path, message } of errors) {
    check(message !== '', 'a reason is a sentence');
    check(
      !/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]/u.test(path + message),
      `a reason is one line: ${JSON.stringify([path, message])}`,
    );
  }
}

/** What a valid spec means: for the nodes, and for their agents' Pods. */
function checkMeaning(spec: ProxyConfigSpec): void {
  const config = withDefaults(spec);
  fits(schemas.spec, spec, 'spec');
  const said = { ...config, clusterCIDRs: [...config.clusterCIDRs], nodePortAddresses: [...config.nodePortAddresses] };
  check(isDeepStrictEqual(withDefaults(said), config), 'settings mean what they say');
  const configRef = { name: 'hostile', generation: 1 };
  fits(schemas.nodeState, { configRef, revision: revisionOf(config), config }, 'ProxyNodeState.spec');
  const settings = nodeSettings(config, undefined, []);
  for (const family of [4, 6] as const) {
    for (const line of restoreInput(family, [], settings).split('\n'))
      check(!line.includes('\0') && line.split('"').length % 2 === 1 && line.length < 1024, `a line: ${line}`);
  }
  const agent = effectiveAgent(spec.agent);
  const made = agentTemplate({ image: 'nftproxy:1', logFormat: 'json', agent, mode: spec.mode });
  const placement = placementOf([{ config: { metadata: { name: 'hostile' }, spec }, errors: [] }], undefined);
  checkPodTemplate(placed(made.template, placement));
  const kept = annotationOf(new Map([[made.revision, made.template]]), new Set([made.revision]));
  check(Buffer.byteLength(kept) < mostAnnotationBytes, 'the annotation is not too large');
  JSON.stringify(daemonSetFor('nftproxy-system', made.template, { [templatesAnnotation]: kept }));
}

const now = new Date('2026-11-28T12:00:00Z');
const node = (name: string, labels: Record<string, string>): ClusterNode => ({ name, uid: name, labels, ready: true });
const nodes: readonly ClusterNode[] = [
  node('a', { pool: 'edge', 'kubernetes.io/os': 'linux' }),
  node('b', { pool: 'edge' }),
  node('new', {}),
  node('quiet', { pool: 'quiet' }),
];

/** A ProxyConfig of somebody else, before all others. */
const bystander = checkedConfig({
  metadata: { name: 'quiet', generation: 3, creationTimestamp: '1970-01-01T00:00:00Z' },
  spec: { nodeSelector: { matchLabels: { pool: 'quiet' } }, priority: 1_000_000, mode: 'ipvs' },
});

function toldBefore(name: string, by: string): ProxyNodeState {
  const config = withDefaults({});
  const spec = { configRef: { name: by, generation: 1 }, revision: revisionOf(config), config };
  return { metadata: { name, generation: 1 }, spec, status: { appliedRevision: spec.revision } };
}

const states = new Map(
  [toldBefore('a', 'config-0'), toldBefore('quiet', 'quiet')].map((each) => [each.metadata.name, each]),
);
const stateOf = ({ name }: ClusterNode): ProxyNodeState | undefined => states.get(name);

function planOf(configs: readonly CheckedConfig[]): Plan {
  const agents = { revisionOf: () => 'aaaaaaaaaa', runOn: () => true };
  return plan({ configs, nodes, stateOf, now, agents });
}

const undisturbed = planOf([bystander]).configs.get('quiet');

interface Stored {
  readonly metadata: Metadata;
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** Whatever is stored in an object; the API server itself sees to its metadata. */
function storedOf(value: Json, index: number): Stored {
  const { name, spec, status } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const isName = typeof name === 'string' && isSubdomain(name) && name !== 'quiet';
  const metadata = { generation: 2, creationTimestamp: '2026-01-01T00:00:00Z' };
  return { metadata: { ...metadata, name: isName ? name : `config-${index}` }, spec, status };
}

function checkPlan(own: ConfigPlan): void {
  const status = configStatus({
    ...{ plan: own, stateOf, agents: undefined, wouldLoseAgents: [], previous: own.checked.config.status, now },
  });
  fits(schemas.status, status, 'status');
  for (const spec of own.tell.values()) fits(schemas.nodeState, spec, 'ProxyNodeState.spec');
  const { metadata, spec } = own.checked.config;
  const again = checkedConfig({ metadata, spec, status: JSON.parse(JSON.stringify(status)) as unknown });
  check(
    isDeepStrictEqual(again.config.status, JSON.parse(JSON.stringify(status))),
    'a status of ours is read as it was written',
  );
}

export const proxyConfigTargets: readonly Target[] = [
  {
    name: 'proxy-configs.spec',
    promise:
      'whatever is stored as a spec is refused with sentences that name fields, or is settings, rules and an agent that API server and kernel take',
    kind: 'value',
    seeds: specSeeds,
    steps: { perByte: 20_000, any: 2_000_000 },
    run: (input) => {
      const stored = checkStoredSpec(input);
      check(
        Object.getOwnPropertyNames(Object.prototype).join() === everybodys,
        'nothing of JavaScript itself is changed',
      );
      if ('errors' in stored) checkErrors(stored.errors);
      else checkMeaning(stored.spec);
    },
  },
  {
    name: 'proxy-configs.manifest',
    promise: 'a file is a ProxyConfig, or refused with sentences that name fields',
    kind: 'value',
    seeds: specSeeds.map((spec) => ({
      apiVersion: 'nftproxy.io/v1alpha1',
      kind: 'ProxyConfig',
      metadata: { name: 'a' },
      spec,
    })),
    steps: { perByte: 20_000, any: 2_000_000 },
    run: (input) => {
      const result = validateProxyConfig(input);
      if ('errors' in result) checkErrors(result.errors);
      else checkMeaning(result.config.spec);
    },
  },
  {
    name: 'proxy-configs.objects',
    promise:
      'whatever is stored as ProxyConfigs, others are planned as without them; what is written of it is taken, and read again as the same',
    kind: 'value',
    seeds: configSeeds,
    steps: { perByte: 20_000, any: 2_000_000 },
    run: (input) => {
      const list = Array.isArray(input) ? (input as readonly Json[]) : [input];
      const byName = new Map(
        list.map((each, index) => storedOf(each, index)).map((each) => [each.metadata.name, each]),
      );
      const hostile = [...byName.values()].map(checkedConfig);
      const { configs } = planOf([...hostile, bystander]);
      const { share, ...disturbed } = configs.get('quiet') ?? {};
      const { share: before, ...rest } = undisturbed ?? {};
      check(isDeepStrictEqual(disturbed, rest), 'another ProxyConfig is planned as without it');
      check(isDeepStrictEqual(share?.won, before?.won), 'and keeps its nodes');
      for (const own of configs.values()) checkPlan(own);
    },
  },
];
