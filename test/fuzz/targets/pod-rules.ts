/*
 * What API servers refuse in a DaemonSet, as far as it can come from a ProxyConfig. Source: pkg/apis/core/validation and
 * k8s.io/apimachinery/pkg/{util/validation,api/resource} of kubernetes 1.36.
 */
import { check } from './promised.ts';

const dnsLabel = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = new RegExp(`^${dnsLabel}([.]${dnsLabel})*$`);
const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

/** Bytes that all annotations of an object may have together: TotalAnnotationSizeLimitB. */
export const mostAnnotationBytes = 256 * 1024;

/** IsDNS1123Subdomain */
export function isSubdomain(text: unknown): boolean {
  return typeof text === 'string' && text.length <= 253 && subdomain.test(text);
}

/** IsQualifiedName: the key of a label or taint. */
export function isLabelKey(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  const parts = text.split('/');
  const name = parts.pop() ?? '';
  const isPrefixed = parts.length === 0 || (parts.length === 1 && isSubdomain(parts[0]));
  return isPrefixed && name.length <= 63 && qualifiedName.test(name);
}

/** IsValidLabelValue */
export function isLabelValue(text: unknown): boolean {
  return typeof text === 'string' && text.length <= 63 && labelValue.test(text);
}

const units: Readonly<Record<string, bigint>> = {
  ...{ m: 10n ** 6n, '': 10n ** 9n, k: 10n ** 12n, M: 10n ** 15n, G: 10n ** 18n, T: 10n ** 21n },
  ...{ Ki: (10n ** 9n) << 10n, Mi: (10n ** 9n) << 20n, Gi: (10n ** 9n) << 30n, Ti: (10n ** 9n) << 40n },
};

/** A quantity in units of 10^-9, rounded up, as resource.Quantity has it; undefined if it is none. */
function quantityOf(text: unknown): bigint | undefined {
  const [, whole, fraction = '', unit = ''] = /^(\d+)(?:[.](\d*))?([mkMGT]|[KMGT]i)?$/.exec(String(text)) ?? [];
  const factor = units[unit];
  if (whole === undefined || factor === undefined) return undefined;
  const scale = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * factor + scale - 1n) / scale;
}

interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

/** ValidateTolerations */
function checkToleration(each: Toleration): void {
  const { key = '', operator = 'Equal', value = '', effect = '', tolerationSeconds } = each;
  const text = JSON.stringify(each);
  check(key === '' ? operator === 'Exists' : isLabelKey(key), `the key of a toleration: ${text}`);
  check(operator === 'Exists' ? value === '' : operator === 'Equal' && isLabelValue(value), `its value: ${text}`);
  check(['', 'NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(effect), `its effect: ${text}`);
  check(tolerationSeconds === undefined || effect === 'NoExecute', `its seconds: ${text}`);
}

type Amounts = Readonly<Record<string, unknown>>;

/** ValidateResourceRequirements */
function checkResources({ requests = {}, limits = {} }: { requests?: Amounts; limits?: Amounts }): void {
  for (const [name, amount] of [...Object.entries(requests), ...Object.entries(limits)]) {
    check(
      ['cpu', 'memory'].includes(name) && quantityOf(amount) !== undefined,
      `${name} ${String(amount)} is an amount`,
    );
  }
  for (const [name, limit] of Object.entries(limits)) {
    const [asked, most] = [quantityOf(requests[name] ?? limit) ?? 0n, quantityOf(limit) ?? 0n];
    check(asked <= most, `nothing is asked for above its limit: ${JSON.stringify([requests, limits])}`);
  }
}

interface Probe {
  readonly httpGet: { readonly port: unknown; readonly host?: unknown };
}

interface Container {
  readonly image: unknown;
  readonly args?: readonly unknown[];
  readonly ports?: readonly { readonly containerPort: unknown; readonly hostPort: unknown }[];
  readonly resources: { readonly requests?: Amounts; readonly limits?: Amounts };
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

const isPort = (port: unknown): boolean =>
  typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;

function checkContainer({ image, args = [], ports = [], resources, livenessProbe, readinessProbe }: Container): void {
  check(typeof image === 'string' && image !== '' && image.trim() === image, `${String(image)} is an image`);
  check(
    args.every((each) => typeof each === 'string'),
    'arguments are texts',
  );
  for (const { containerPort, hostPort } of ports)
    check(isPort(containerPort) && containerPort === hostPort, 'a port of the host is the port of the container');
  for (const { httpGet } of [livenessProbe, readinessProbe].filter((each) => each !== undefined))
    check(isPort(httpGet.port) && ['string', 'undefined'].includes(typeof httpGet.host), 'a probe has a port');
  checkResources(resources);
}

interface PodSpec {
  readonly priorityClassName: unknown;
  readonly imagePullSecrets?: readonly { readonly name: unknown }[];
  readonly tolerations: readonly Toleration[];
  readonly containers: readonly Container[];
}

/** Throws unless an API server would take it as the template of a DaemonSet's Pods. */
export function checkPodTemplate(template: { metadata?: { labels?: Record<string, unknown> }; spec?: unknown }): void {
  for (const [key, value] of Object.entries(template.metadata?.labels ?? {}))
    check(isLabelKey(key) && isLabelValue(value), `${key}: ${String(value)} is a label`);
  const { priorityClassName, imagePullSecrets = [], tolerations, containers } = template.spec as PodSpec;
  check(isSubdomain(priorityClassName), `${String(priorityClassName)} is the name of a PriorityClass`);
  for (const { name } of imagePullSecrets) check(isSubdomain(name), `${String(name)} is the name of a Secret`);
  for (const toleration of tolerations) checkToleration(toleration);
  for (const container of containers) checkContainer(container);
}
