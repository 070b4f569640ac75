import { createHash } from 'node:crypto';
import { canonicalJson, withDefaults } from '../../api/index.ts';
import type { ProxySettings } from '../../api/index.ts';
import { zoneLabel } from '../../services/index.ts';
import type { AssignedConfig, NodeView } from '../sources/index.ts';

/** Another format needs another number: files of other versions of the program are then told and ignored. */
const formatVersion = 1;

/** What a node goes on with when nobody tells it anything. */
export interface LastGood {
  /** The configuration that the kernel took last. */
  readonly config: AssignedConfig;
  /** The node as it was last known; undefined if its Node has never been seen. */
  readonly node: NodeView | undefined;
}

interface Content {
  readonly nodeName: string;
  readonly config: { readonly name: string; readonly revision: string; readonly config: ProxySettings };
  readonly lastKnown?: Pick<NodeView, 'primaryAddresses' | 'podCIDRs'> & { readonly zone?: string | undefined };
}

/** The text of the file, for people too. The same for what means the same. */
export function encodeLastGood(nodeName: string, { config, node }: LastGood): string {
  const lastKnown = node && {
    primaryAddresses: node.primaryAddresses,
    podCIDRs: node.podCIDRs,
    zone: node.labels[zoneLabel],
  };
  const content = { nodeName, config, ...(lastKnown && { lastKnown }) };
  return `${JSON.stringify({ version: formatVersion, checksum: checksumOf(content), ...content }, undefined, 2)}\n`;
}

/** @throws Error that says why the text is of no use to this node. */
export function decodeLastGood(nodeName: string, text: string): LastGood {
  const parsed: unknown = JSON.parse(text);
  const { version, checksum, ...rest } = isObject(parsed) ? parsed : {};
  if (version !== formatVersion) {
    throw new Error(`it is of format version ${JSON.stringify(version)}, this program reads ${formatVersion}`);
  }
  if (checksum !== checksumOf(rest)) throw new Error('its checksum is wrong: it is damaged or was edited');
  // `as`: who wrote this checksum wrote this type.
  const content = rest as unknown as Content;
  if (content.nodeName !== nodeName) throw new Error(`it is that of node ${content.nodeName}`);
  const { name, revision, config } = content.config;
  // A setting that has come since it was written has its default.
  return { config: { name, revision, config: withDefaults(config) }, node: nodeOf(content.lastKnown) };
}

function nodeOf(known: Content['lastKnown']): NodeView | undefined {
  if (!known) return undefined;
  const { primaryAddresses, podCIDRs, zone } = known;
  return { labels: zone === undefined ? {} : { [zoneLabel]: zone }, primaryAddresses, podCIDRs, eligible: false };
}

function checksumOf(content: object): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
