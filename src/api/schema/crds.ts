import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import {
  category,
  crdVersionAnnotation,
  group,
  proxyConfigKind,
  proxyConfigPlural,
  proxyNodeStateKind,
  proxyNodeStatePlural,
  version,
} from '../constants.ts';
import { configNameLength } from '../limits.ts';
import { canonicalJson } from '../revision.ts';
import { crdVersion } from './crd-history.ts';
import { ProxyConfigSpecDto, ProxyConfigStatusDto } from './proxy-config.ts';
import { ProxyNodeStateSpecDto, ProxyNodeStateStatusDto } from './proxy-node-state.ts';
import { schemaOf } from './openapi.ts';
import type { Schema } from './openapi.ts';

interface Column {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description?: string;
  /** 1: only with `-o wide`. */
  priority?: 1;
}

interface Kind {
  kind: string;
  plural: string;
  shortName: string;
  description: string;
  spec: Schema;
  status: Schema;
  columns: Column[];
  /** Longest name; Kubernetes' own limit if left out. */
  maximumNameLength?: number;
}

const condition = (type: string, field: string) => `.status.conditions[?(@.type=="${type}")].${field}`;
const age: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

const kinds: Kind[] = [
  {
    kind: proxyConfigKind,
    plural: proxyConfigPlural,
    shortName: 'nftpc',
    // The name becomes a label value on the ProxyNodeStates.
    maximumNameLength: configNameLength,
    description: 'How the Service proxy works on a set of nodes. Exactly one ProxyConfig governs a node.',
    spec: schemaOf(ProxyConfigSpecDto, 'What is wanted. Only people and their tools write it.'),
    // Without it a tool that waits for status (kstatus) takes an object for done before the operator has seen it.
    status: {
      ...schemaOf(ProxyConfigStatusDto, 'What is. Written by the operator.'),
      default: { observedGeneration: -1 },
    },
    columns: [
      { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
      { name: 'Algorithm', type: 'string', jsonPath: '.spec.loadBalancing.algorithm' },
      { name: 'Priority', type: 'integer', jsonPath: '.spec.priority', description: 'The highest wins a node.' },
      { name: 'Nodes', type: 'integer', jsonPath: '.status.nodes.matching', description: 'Nodes it governs.' },
      { name: 'Updated', type: 'integer', jsonPath: '.status.nodes.updated', description: 'Told the new revision.' },
      { name: 'Ready-Nodes', type: 'integer', jsonPath: '.status.nodes.ready', description: 'Have applied it.' },
      { name: 'Failed', type: 'integer', jsonPath: '.status.nodes.failed', description: 'Report a failure.' },
      { name: 'Phase', type: 'string', jsonPath: '.status.rollout.phase', description: 'Of the rollout.' },
      { name: 'Ready', type: 'string', jsonPath: condition('Ready', 'status') },
      { name: 'Reason', type: 'string', jsonPath: condition('Ready', 'reason') },
      { name: 'Degraded', type: 'string', jsonPath: condition('Degraded', 'reason'), description: 'What to look at.' },
      { name: 'Revision', type: 'string', jsonPath: '.status.updateRevision', priority: 1 },
      { name: 'Message', type: 'string', jsonPath: condition('Ready', 'message'), priority: 1 },
      age,
    ],
  },
  {
    kind: proxyNodeStateKind,
    plural: proxyNodeStatePlural,
    shortName: 'nftps',
    description:
      'What the Service proxy of one node is to do (spec, from the operator) and does (status, from its agent).',
    spec: schemaOf(ProxyNodeStateSpecDto, 'What the node is to do. Written by the operator.'),
    status: schemaOf(ProxyNodeStateStatusDto, 'What the node does. Written by its agent, when it changes.'),
    columns: [
      { name: 'Config', type: 'string', jsonPath: '.spec.configRef.name' },
      { name: 'Desired', type: 'string', jsonPath: '.spec.revision' },
      { name: 'Applied', type: 'string', jsonPath: '.status.appliedRevision' },
      { name: 'Synced', type: 'string', jsonPath: condition('Synced', 'status') },
      {
        name: 'Uncovered',
        type: 'string',
        jsonPath: condition('Uncovered', 'reason'),
        description: 'No config governs it: what becomes of its rules.',
      },
      { name: 'Services', type: 'integer', jsonPath: '.status.services' },
      { name: 'Endpoints', type: 'integer', jsonPath: '.status.endpoints' },
      { name: 'Last-Change', type: 'date', jsonPath: '.status.lastChangeTime' },
      { name: 'Conntrack', type: 'string', jsonPath: condition('ConntrackConfigured', 'status'), priority: 1 },
      { name: 'Kernel', type: 'string', jsonPath: '.status.kernelVersion', priority: 1 },
      { name: 'Agent', type: 'string', jsonPath: '.status.agentVersion', priority: 1 },
      { name: 'Message', type: 'string', jsonPath: condition('Synced', 'message'), priority: 1 },
      age,
    ],
  },
];

/** A CustomResourceDefinition of apiextensions.k8s.io/v1. */
export interface CustomResourceDefinition {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string; annotations: Record<string, string> };
  spec: Record<string, unknown>;
}

/** The CRDs, made from the DTO classes. */
export function customResourceDefinitions(): CustomResourceDefinition[] {
  return kinds.map((kind) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${group}`, annotations: { [crdVersionAnnotation]: String(crdVersion) } },
    spec: {
      group,
      scope: 'Cluster',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [kind.shortName],
        categories: [category],
      },
      versions: [versionOf(kind)],
    },
  }));
}

/** Another one whenever anything in the CRDs but their version is another. */
export function crdFingerprint(): string {
  const specs = customResourceDefinitions().map(({ spec }) => spec);
  return createHash('sha256').update(canonicalJson(specs)).digest('hex').slice(0, 16);
}

function versionOf({ description, spec, status, columns, maximumNameLength }: Kind): Schema {
  const nameRule = maximumNameLength !== undefined && {
    rule: `size(self.metadata.name) <= ${maximumNameLength}`,
    message: `metadata.name may have at most ${maximumNameLength} characters`,
  };
  return {
    name: version,
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: columns,
    schema: {
      openAPIV3Schema: {
        description,
        type: 'object',
        required: ['spec'],
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { type: 'object' },
          spec,
          status,
        },
        ...(nameRule && { 'x-kubernetes-validations': [nameRule] }),
      },
    },
  };
}

/** File name and YAML text of each CRD, as they lie in `crds/`. */
export function crdFiles(): { name: string; text: string }[] {
  const head = '# Made by `nftproxy crds --out crds` from the classes in src/api: do not edit.\n';
  return customResourceDefinitions().map((crd) => ({
    name: `${group}_${crd.metadata.name.replace(`.${group}`, '')}.yaml`,
    text: head + stringify(crd, { lineWidth: 120, aliasDuplicateObjects: false }),
  }));
}
