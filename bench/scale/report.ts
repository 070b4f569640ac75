import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { packageVersion } from '../../src/runtime/index.ts';
import type { Size } from './objects.ts';

/** One figure of the report. */
export interface Row {
  readonly what: string;
  readonly unit: 'ms' | 'µs' | 'MB' | 'flows/s';
  readonly nftproxy: number;
  /** If it was measured. */
  readonly kubeProxy?: number;
}

export function describeSize({ services, endpoints }: Size): string {
  return `${services.toLocaleString('en')} Services x ${endpoints}`;
}

/** Numbers with three digits that matter. */
function text(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '';
  const digits = Math.abs(value) < 10 ? 1 : 0;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** How many times better nftproxy is: for everything but rates, less is better. */
function ratio({ unit, nftproxy, kubeProxy }: Row): string {
  if (kubeProxy === undefined) return '';
  const better = unit === 'flows/s' ? nftproxy / kubeProxy : kubeProxy / nftproxy;
  return `${text(better)}x`;
}

/** As a markdown table. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) =>
    [row.what, row.unit, text(row.nftproxy), text(row.kubeProxy), ratio(row)].join(' | '),
  );
  return [' | unit | nftproxy | kube-proxy | better by', '--- | --- | ---: | ---: | ---:', ...lines]
    .map((line) => `| ${line} |`)
    .join('\n');
}

export function load(): string {
  return loadavg()[0]?.toFixed(1) ?? '';
}

/** What the figures were measured on. */
export function machine(kubeProxyBinary: string | undefined, mode = 'nftables'): string {
  const processors = cpus();
  const parts = [
    `${processors.length} x ${processors[0]?.model ?? 'unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release()}`,
    `Node.js ${process.version}`,
    `nftproxy ${packageVersion}`,
  ];
  if (kubeProxyBinary !== undefined) {
    const version = execFileSync(kubeProxyBinary, ['--version'], { encoding: 'utf8' }).trim();
    parts.push(`kube-proxy ${version.replace('Kubernetes ', '')} (${mode} mode)`);
  }
  return parts.join(', ');
}
