import { readFile } from 'node:fs/promises';
import { unwatchFile, watchFile } from 'node:fs';
import { revisionOf } from '../../api/index.ts';
import type { EffectiveConfig } from '../../api/index.ts';
import type { Logger } from '../../runtime/index.ts';

/** The configuration this node is to run. */
export interface AssignedConfig {
  /** Name of the ProxyConfig. */
  readonly name: string;
  readonly revision: string;
  readonly config: EffectiveConfig;
}

/** How often the file is looked at. A ConfigMap volume swaps a symbolic link, which only a look at the path shows. */
const pollMilliseconds = 1000;

/**
 * Follows a ProxyConfig manifest in a file.
 *
 * A file that is unreadable or invalid at the start is an error; one that becomes so later is logged, and the last
 * good configuration stays in force until the file is right again.
 */
export class ConfigurationFile {
  readonly #path: string;
  readonly #log: Logger;
  #text: string | undefined;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Reads the file. @throws Error that names the file and each field at fault. */
  async read(): Promise<AssignedConfig> {
    this.#text = await readFile(this.#path, 'utf8');
    return parseConfig(this.#path, this.#text);
  }

  /** Calls `changed` with every later valid content. */
  watch(changed: (config: AssignedConfig) => void): void {
    watchFile(this.#path, { interval: pollMilliseconds, persistent: false }, () => void this.#look(changed));
  }

  stop(): void {
    unwatchFile(this.#path);
  }

  async #look(changed: (config: AssignedConfig) => void): Promise<void> {
    try {
      const text = await readFile(this.#path, 'utf8');
      if (text === this.#text) return;
      this.#text = text;
      changed(await parseConfig(this.#path, text));
    } catch (error) {
      this.#log.error('the configuration file cannot be used; the last good configuration stays in force', {
        file: this.#path,
        error,
      });
    }
  }
}

async function parseConfig(path: string, text: string): Promise<AssignedConfig> {
  // Only a node without an operator needs these, and they are a good part of the agent's memory.
  const [{ parse }, { validateProxyConfig }, { withDefaults }] = await Promise.all([
    import('yaml'),
    import('../../api/schema/index.ts'),
    import('../../api/index.ts'),
  ]);
  const result = validateProxyConfig(parse(text));
  if ('errors' in result) {
    const errors = result.errors.map((error) => `${error.path}: ${error.message}`).join('; ');
    throw new Error(`${path} is not a valid ProxyConfig: ${errors}`);
  }
  const config = withDefaults(result.config.spec);
  return { name: result.config.metadata.name, revision: revisionOf(config), config };
}
