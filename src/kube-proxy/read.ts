import { isCollection, isPair, parseAllDocuments } from 'yaml';

/** A KubeProxyConfiguration as it was read: its fields, not yet looked at. */
export type KubeProxyConfiguration = Readonly<Record<string, unknown>>;

/** The only one that kube-proxy has had, up to 1.36. */
const configurationVersion = 'kubeproxy.config.k8s.io/v1alpha1';

/** What is between the braces, or undefined for anything that is no object. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/**
 * The KubeProxyConfiguration in a YAML or JSON text: the only document of that kind, or the one in a ConfigMap (kubeadm's
 * `kube-proxy` has it under `config.conf`, EKS' `kube-proxy-config` under `config`), also in a List as kubectl prints it.
 *
 * @throws Error that says what is wrong with the text, or that there is none in it, or more than one
 */
export function readKubeProxyConfiguration(text: string): KubeProxyConfiguration {
  const found = documentsOf(text).flatMap(configurationsIn);
  const [first, ...others] = found;
  if (first === undefined) {
    throw new Error('there is no KubeProxyConfiguration in this, and no ConfigMap that holds one');
  }
  if (others.length > 0) throw new Error(`there are ${found.length} KubeProxyConfigurations in this; give one of them`);
  return first;
}

/** No configuration of kube-proxy has ten; what reads YAML takes a minute for 500 keys within keys, and its stack ends at some 1,500. */
const mostLevels = 100;
const tooDeep = `this is nested more than ${mostLevels} levels deep, and no configuration is`;

function documentsOf(text: string): unknown[] {
  // Warnings would go to the process, in words about JavaScript.
  return parseAllDocuments(text, { logLevel: 'error' }).map((document) => {
    const [error] = document.errors;
    if (error?.code === 'RESOURCE_EXHAUSTION' || isTooDeep(document.contents)) throw new Error(tooDeep);
    if (error !== undefined) throw new Error(`this is no YAML: ${error.message}`);
    return valueOf(document);
  });
}

/** Level by level, as what is too deep for a stack is what this is about. */
function isTooDeep(root: unknown): boolean {
  let level = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return true;
    level = level.flatMap(partsOf);
  }
  return false;
}

function partsOf(node: unknown): unknown[] {
  if (isPair(node)) return [...partsOf(node.key), ...partsOf(node.value)];
  return isCollection(node) ? node.items : [];
}

/** What a document says. @throws Error if its aliases lead nowhere, to far too much, or back to themselves */
function valueOf(document: { toJS(): unknown }): unknown {
  try {
    const value = document.toJS();
    // Nothing that leads back to itself is a configuration, and whoever walks it would not come to an end.
    JSON.stringify(value);
    return value;
  } catch (error) {
    throw new Error(`this is no YAML: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function configurationsIn(document: unknown): KubeProxyConfiguration[] {
  const object = objectOf(document);
  if (object === undefined) return [];
  const { kind, items, data } = object;
  if (kind === 'KubeProxyConfiguration') return [ofOurVersion(object)];
  if (Array.isArray(items)) return items.flatMap(configurationsIn);
  if (kind !== 'ConfigMap') return [];
  // kubeadm keeps a kubeconfig beside it, people keep notes: only what says that it is a configuration is one.
  return Object.values(objectOf(data) ?? {}).flatMap((value) =>
    typeof value === 'string' && /\bkind["']?\s*:\s*["']?KubeProxyConfiguration\b/.test(value)
      ? documentsOf(value).flatMap(configurationsIn)
      : [],
  );
}

/** @throws Error for another version */
function ofOurVersion(object: KubeProxyConfiguration): KubeProxyConfiguration {
  const { apiVersion } = object;
  if (apiVersion === undefined || apiVersion === configurationVersion) return object;
  throw new Error(
    `apiVersion of a KubeProxyConfiguration must be ${configurationVersion}, and is ${JSON.stringify(apiVersion)}`,
  );
}
