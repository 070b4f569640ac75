import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Fields } from './fields.ts';

/** A named cluster, user or context of a kubeconfig, and the directory that its relative paths start from. */
export interface KubeconfigEntry {
  readonly name: string;
  readonly fields: Fields;
  readonly directory: string;
}

/** One or several kubeconfig files merged as kubectl does it: the first to define a name, or a value, wins. */
export interface Kubeconfig {
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  readonly clusters: ReadonlyMap<string, KubeconfigEntry>;
  readonly users: ReadonlyMap<string, KubeconfigEntry>;
  readonly contexts: ReadonlyMap<string, KubeconfigEntry>;
}

/**
 * Reads kubeconfig files (YAML or JSON). Of several files those that do not exist are passed over, as kubectl does.
 *
 * @throws Error naming the file, and the field where there is one, if none exists or one is not a kubeconfig
 */
export async function readKubeconfig(files: readonly string[]): Promise<Kubeconfig> {
  const clusters = new Map<string, KubeconfigEntry>();
  const users = new Map<string, KubeconfigEntry>();
  const contexts = new Map<string, KubeconfigEntry>();
  const found: string[] = [];
  let currentContext: string | undefined;
  for (const file of files) {
    const document = await readDocument(file);
    if (document === undefined) continue;
    found.push(file);
    const directory = dirname(resolve(file));
    collect(entriesOf(document, 'cluster', directory), clusters);
    collect(entriesOf(document, 'user', directory), users);
    collect(entriesOf(document, 'context', directory), contexts);
    currentContext ??= document.text('current-context');
  }
  if (found.length === 0) {
    throw new Error(
      `no kubeconfig: ${files.join(' and ')} ${files.length === 1 ? 'does' : 'do'} not exist; ` +
        'give one with --kubeconfig or $KUBECONFIG',
    );
  }
  return { files: found, currentContext, clusters, users, contexts };
}

async function readDocument(file: string): Promise<Fields | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  // Only kubeconfigs need YAML: a pod's connection does without the parser's memory.
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new Error(`${file}: is not YAML: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const fields = new Fields(document, file);
  const kind = fields.text('kind');
  if (kind !== undefined && kind !== 'Config') throw new Error(`${file}: kind: must be Config, not ${kind}`);
  return fields;
}

/** The list `clusters`, `users` or `contexts` of a document: what stands under each entry's `cluster`, `user`, `context`. */
function entriesOf(document: Fields, kind: 'cluster' | 'user' | 'context', directory: string): KubeconfigEntry[] {
  return document.parts(`${kind}s`).map((item) => ({
    name: item.requiredText('name'),
    // `user: {}` and even no `user:` at all are legal: an anonymous user.
    fields: item.part(kind) ?? new Fields({}, item.where, kind),
    directory,
  }));
}

/** Adds the entries whose names are new. */
function collect(entries: readonly KubeconfigEntry[], into: Map<string, KubeconfigEntry>): void {
  for (const entry of entries) if (!into.has(entry.name)) into.set(entry.name, entry);
}
