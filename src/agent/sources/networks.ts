import { cidrFault, parseCidr } from '../../ip/index.ts';
import { fieldsOf, listOf, textOf } from './raw.ts';

/** Told of a text that is left out: a sentence that says what is wrong with it. */
export type Report = (error: string) => void;

/** The canonical texts of CIDRs in an object; what is none is reported and left out. */
export function canonicalCidrs(cidrs: unknown, report: Report): string[] {
  return listOf(cidrs).flatMap((value) => {
    const text = textOf(value);
    const cidr = parseCidr(text);
    if (cidr === undefined) report(`${JSON.stringify(value)} ${cidrFault(text) ?? ''}`);
    return cidr?.text ?? [];
  });
}

interface RawServiceCIDR {
  readonly metadata?: object;
  readonly spec?: unknown;
}

/** The canonical CIDRs of a ServiceCIDR as the API server has it. */
export function serviceCIDRsOf(object: RawServiceCIDR, report: Report): readonly string[] {
  return canonicalCidrs(fieldsOf(object.spec)['cidrs'], report);
}
