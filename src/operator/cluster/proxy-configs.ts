import { group, proxyConfigPlural, version } from '../../api/index.ts';
import type { ProxyConfig, ProxyConfigStatus } from '../../api/index.ts';
import type { ApiClient } from '../../kubernetes/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { crdFile, ResourceEventType, SafeOperator } from '../library/index.ts';
import type { ResourceEvent, ResourceMeta } from '../library/index.ts';
import { checkedConfig } from './checked-config.ts';
import type { CheckedConfig } from './checked-config.ts';

/** Keeps the ProxyConfigs, and writes their status. */
export class ProxyConfigs extends SafeOperator {
  readonly #changed: () => void;
  readonly #configs = new Map<string, CheckedConfig & { readonly meta: ResourceMeta }>();

  constructor(client: ApiClient, log: Logger, changed: () => void) {
    super(client, log);
    this.#changed = changed;
  }

  get(name: string): CheckedConfig | undefined {
    return this.#configs.get(name);
  }

  /** All ProxyConfigs, also invalid ones and those that are being deleted. */
  all(): CheckedConfig[] {
    return [...this.#configs.values()];
  }

  /** Writes the whole status. @throws ApiError */
  async writeStatus(name: string, status: ProxyConfigStatus): Promise<void> {
    const known = this.#configs.get(name);
    if (known !== undefined) await this.setResourceStatus(known.meta, status);
  }

  protected override async init(): Promise<void> {
    await this.registerCustomResourceDefinition(crdFile(proxyConfigPlural));
    await this.watchResource(group, version, proxyConfigPlural, (event) => {
      this.#receive(event);
      return Promise.resolve();
    });
  }

  #receive({ meta, type, object }: ResourceEvent): void {
    // The library's type of any object; what the fields that count hold is checked.
    const checked = checkedConfig(object as unknown as ProxyConfig);
    if (type === ResourceEventType.Deleted) this.#configs.delete(meta.name);
    else this.#configs.set(meta.name, { ...checked, meta });
    this.#changed();
  }
}
