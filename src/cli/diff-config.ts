import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import { byRank, group, proxyConfigPlural, version, withDefaults } from '../api/index.ts';
import type { EffectiveConfig, ProxyConfig } from '../api/index.ts';
import { validateProxyConfig } from '../api/schema/index.ts';
import { ApiError, resourcePath, selects } from '../kubernetes/index.ts';
import type { ApiClient, KubernetesObject } from '../kubernetes/index.ts';

/** A ProxyConfig as somebody is about to apply it. */
export interface GivenConfig {
  readonly text: string;
  readonly config: ProxyConfig;
  /** Defaults filled in, as the operator tells it to nodes. */
  readonly effective: EffectiveConfig;
}

/** Reads a manifest from a file, or from the standard input (`-`). @throws Error that names each field at fault */
export async function readGiven(file: string): Promise<GivenConfig> {
  const content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  const result = validateProxyConfig(parse(content));
  if ('errors' in result) {
    const errors = result.errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new Error(`${file} is not a valid ProxyConfig: ${errors}`);
  }
  return { text: content, config: result.config, effective: withDefaults(result.config.spec) };
}

/** One setting that changes: JSON texts; undefined where there is none. */
export interface SettingChange {
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** The settings that differ, field by field. */
export function settingChanges(before: EffectiveConfig, after: EffectiveConfig): SettingChange[] {
  const [old, next] = [new Map(leaves(before)), new Map(leaves(after))];
  return [...new Set([...old.keys(), ...next.keys()])]
    .filter((field) => old.get(field) !== next.get(field))
    .map((field) => ({ field, before: old.get(field), after: next.get(field) }));
}

function leaves(value: unknown, path = ''): [field: string, text: string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([name, each]) => leaves(each, path === '' ? name : `${path}.${name}`));
}

/** Why a config does not select a node; undefined if it does. */
export function notSelecting({ metadata, spec }: ProxyConfig, node: string, labels: Readonly<Record<string, string>>) {
  if (selects(spec.nodeSelector, labels)) return undefined;
  return `ProxyConfig ${metadata.name} does not select node ${node}: it changes nothing there`;
}

/**
 * Why a config, as it is about to be, would not govern a node of the cluster; undefined if it would.
 *
 * @throws ApiError, for instance 403 for somebody who may not read Nodes and ProxyConfigs
 */
export async function notGoverning(given: ProxyConfig, node: string, client: ApiClient): Promise<string | undefined> {
  const path = resourcePath({ group, version, plural: proxyConfigPlural });
  const { metadata } = await client.get<KubernetesObject>(resourcePath({ version: 'v1', plural: 'nodes', name: node }));
  const labels = metadata.labels ?? {};
  const unselected = notSelecting(given, node, labels);
  if (unselected !== undefined) return unselected;
  const { items } = await client.listAll<ProxyConfig>(path);
  const same = items.find((each) => each.metadata.name === given.metadata.name);
  // One that is not there yet will be the youngest.
  const creationTimestamp = same?.metadata.creationTimestamp ?? '9999-12-31T23:59:59Z';
  const wanted = { ...given, metadata: { ...given.metadata, creationTimestamp } };
  const [first] = [...items.filter((each) => each !== same), wanted]
    .filter((each) => each.metadata.deletionTimestamp === undefined && selects(each.spec.nodeSelector, labels))
    .sort(byRank);
  if (first === wanted || first === undefined) return undefined;
  const other = `ProxyConfig ${first.metadata.name} (priority ${first.spec.priority ?? 0})`;
  return `${other} governs node ${node} before ProxyConfig ${given.metadata.name} (priority ${given.spec.priority ?? 0}): it changes nothing there`;
}

/** Whether somebody was not allowed to look. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}
