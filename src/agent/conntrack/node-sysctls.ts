import { availableParallelism } from 'node:os';
import { durationSeconds } from '../../api/index.ts';
import type { ConntrackSettings } from '../../api/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { applyConntrackSysctls, sysctlFiles } from './sysctls.ts';

/** Sets this node's conntrack sysctls as the configuration has them, once per change of it. */
export class NodeSysctls {
  readonly #directory: string;
  readonly #log: Logger;
  #applied: string | undefined;
  #failed: readonly string[] | undefined;

  /** `directory`: where the node's sysctls can be written. */
  constructor(o: { directory: string; log: Logger }) {
    this.#directory = o.directory;
    this.#log = o.log;
  }

  /** What could not be set, and how to set it by hand; undefined before the first attempt. */
  get failed(): readonly string[] | undefined {
    return this.#failed;
  }

  /** Never throws: what cannot be set is logged with how to set it by hand. */
  apply(settings: ConntrackSettings): void {
    const text = JSON.stringify(settings);
    if (text === this.#applied) return;
    this.#applied = text;
    const wanted = {
      maxPerCore: settings.maxPerCore,
      min: settings.min,
      tcpBeLiberal: settings.tcpBeLiberal,
      tcpEstablishedSeconds: durationSeconds(settings.tcpEstablishedTimeout),
      tcpCloseWaitSeconds: durationSeconds(settings.tcpCloseWaitTimeout),
      udpSeconds: durationSeconds(settings.udpTimeout),
      udpStreamSeconds: durationSeconds(settings.udpStreamTimeout),
    };
    const machine = { files: sysctlFiles(this.#directory), cores: availableParallelism() };
    const { changed, warnings } = applyConntrackSysctls(wanted, machine);
    for (const { name, from, to } of changed) this.#log.info('set', { sysctl: name, from, to });
    this.#failed = warnings.map(({ message }) => message);
    for (const { message } of warnings) this.#log.warn(message);
  }
}
