import { addressFault, canonicalAddress, familyOf } from '../ip/index.ts';
import { UsageError } from '../runtime/index.ts';
import type { Protocol } from '../services/index.ts';

/** A connection that somebody asks about. Addresses canonical. */
export interface Question {
  /** Undefined: this host. */
  readonly source: string | undefined;
  readonly destination: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Where the packet comes in. */
  readonly interfaceName: string | undefined;
}

/** The options of `nftproxy explain` that make the question. */
export interface QuestionOptions {
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  readonly protocol: string;
  readonly interface?: string | undefined;
}

/** @throws UsageError that says which option is wrong and what it takes. */
export function questionOf(values: QuestionOptions, usage: string): Question {
  const protocol = (['tcp', 'udp', 'sctp'] as const).find((one) => one === values.protocol);
  if (!protocol) throw new UsageError(`--protocol is ${JSON.stringify(values.protocol)}: use tcp, udp or sctp`);
  const { destination, port } = destinationOf(values.to, usage);
  const source = values.from === undefined ? undefined : canonicalAddress(values.from);
  if (values.from !== undefined && source === undefined) {
    throw new UsageError(`--from ${JSON.stringify(values.from)} ${addressFault(values.from) ?? ''}`);
  }
  if (source !== undefined && familyOf(source) !== familyOf(destination)) {
    throw new UsageError(`--from ${source} and --to ${destination} are of different IP families`);
  }
  return { source, destination, port, protocol, interfaceName: values.interface };
}

function destinationOf(to: string | undefined, usage: string): { destination: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^[\]:]+)):(\d+)$/.exec(to ?? '') ?? [];
  const address = bracketed ?? plain ?? '';
  const destination = canonicalAddress(address);
  const port = Number(digits);
  if (destination === undefined || !(port > 0 && port < 65536)) {
    const why = address === '' ? '' : faultOf(address);
    throw new UsageError(`--to is ${JSON.stringify(to ?? '')}${why}: use ADDRESS:PORT or [ADDRESS]:PORT\n\n${usage}`);
  }
  return { destination, port };
}

function faultOf(address: string): string {
  const fault = addressFault(address);
  return fault === undefined ? '' : ` (${JSON.stringify(address)} ${fault})`;
}
