import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What is wanted of the kernel's connection tracking; times in seconds. 0 (or false) leaves the node's value alone. */
export interface ConntrackSysctls {
  readonly maxPerCore: number;
  /** Least `nf_conntrack_max` if `maxPerCore` is set. */
  readonly min: number;
  readonly tcpEstablishedSeconds: number;
  readonly tcpCloseWaitSeconds: number;
  readonly tcpBeLiberal: boolean;
  readonly udpSeconds: number;
  readonly udpStreamSeconds: number;
}

/** The kernel's files; read returns the text, both throw an Error with a code such as ENOENT or EROFS. */
export interface KernelFiles {
  read(path: string): string;
  write(path: string, text: string): void;
}

/** A setting that could not be made. Nothing depends on it but the size or patience of connection tracking. */
export interface SysctlWarning {
  /** `net.netfilter.nf_conntrack_max`, or the path of a file that is no sysctl. */
  readonly name: string;
  readonly wanted: number;
  /** Why, and how to set it by hand. */
  readonly message: string;
}

export interface SysctlResult {
  /** What was written: the value before and after. */
  readonly changed: readonly { readonly name: string; readonly from: number; readonly to: number }[];
  readonly warnings: readonly SysctlWarning[];
}

/** kube-proxy's cap for `nf_conntrack_max` if it is scaled by the number of cores. */
const mostEntries = 1_048_576;
const hashSizePath = '/sys/module/nf_conntrack/parameters/hashsize';

interface Setting {
  readonly name: string;
  readonly path: string;
  readonly wanted: number;
  /** True if a larger value that is already there is as good. */
  readonly atLeast: boolean;
  readonly byHand: string;
}

/** This machine's files, with its sysctls at `directory` instead of /proc/sys (where a container's are read-only). */
export function sysctlFiles(directory = '/proc/sys'): KernelFiles {
  const at = (path: string): string => path.replace(/^\/proc\/sys(?=\/)/, directory);
  return {
    read: (path) => readFileSync(at(path), 'utf8'),
    write: (path, text) => writeFileSync(at(path), text),
  };
}

/**
 * Makes the kernel's connection tracking as configured, as kube-proxy does: each value is written only if it differs
 * (the number of hash buckets only if it is too small). What cannot be set (a read-only /proc, a kernel
 * without the file) becomes a warning that says how to do it by hand; never throws.
 */
export function applyConntrackSysctls(
  config: ConntrackSysctls,
  machine: { files: KernelFiles; cores: number } = { files: sysctlFiles(), cores: availableParallelism() },
): SysctlResult {
  const changed: SysctlResult['changed'][number][] = [];
  const warnings: SysctlWarning[] = [];
  for (const setting of settings(config, machine.cores)) {
    try {
      const from = apply(setting, machine.files);
      if (from !== undefined) changed.push({ name: setting.name, from, to: setting.wanted });
    } catch (error) {
      warnings.push(warning(setting, error));
    }
  }
  return { changed, warnings };
}

/** The settings that are wanted, in the order in which they are to be made. */
function settings(config: ConntrackSysctls, cores: number): Setting[] {
  const max = maxEntries(config, cores);
  return [
    // The buckets first: a table that may grow with too few of them is slow.
    { name: hashSizePath, path: hashSizePath, wanted: Math.floor(max / 4), atLeast: true, byHand: byFile(max) },
    sysctl('max', max),
    sysctl('tcp_timeout_established', Math.round(config.tcpEstablishedSeconds)),
    sysctl('tcp_timeout_close_wait', Math.round(config.tcpCloseWaitSeconds)),
    sysctl('tcp_be_liberal', config.tcpBeLiberal ? 1 : 0),
    sysctl('udp_timeout', Math.round(config.udpSeconds)),
    sysctl('udp_timeout_stream', Math.round(config.udpStreamSeconds)),
  ].filter((setting) => setting.wanted > 0);
}

/** `nf_conntrack_max` for this many cores; 0 to leave it alone. */
export function maxEntries(
  { maxPerCore, min }: Pick<ConntrackSysctls, 'maxPerCore' | 'min'>,
  cores = availableParallelism(),
): number {
  if (maxPerCore <= 0) return 0;
  const scaled = maxPerCore * cores;
  return scaled > min ? Math.min(scaled, mostEntries) : min;
}

function sysctl(suffix: string, wanted: number): Setting {
  const name = `net.netfilter.nf_conntrack_${suffix}`;
  return {
    name,
    path: `/proc/sys/${name.replaceAll('.', '/')}`,
    wanted,
    atLeast: false,
    byHand: `sysctl -w ${name}=${wanted}`,
  };
}

function byFile(max: number): string {
  return `echo ${Math.floor(max / 4)} > ${hashSizePath}`;
}

/** Returns the value that was replaced, or undefined if the present one is right. */
function apply({ path, wanted, atLeast }: Setting, files: KernelFiles): number | undefined {
  const present = Number(files.read(path).trim());
  if (present === wanted || (atLeast && present > wanted)) return undefined;
  files.write(path, String(wanted));
  return present;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'this kernel, or this network namespace, does not have it; is the module nf_conntrack loaded?',
  EROFS: 'the file system is read-only for the agent',
  EACCES: 'the agent may not write it',
  EPERM: 'the agent may not write it',
};

function warning({ name, wanted, byHand }: Setting, error: unknown): SysctlWarning {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const reason = reasons[code];
  const why = reason === undefined ? code : `${reason} (${code})`;
  return { name, wanted, message: `cannot set ${name} to ${wanted}: ${why}; to set it by hand on the node: ${byHand}` };
}
