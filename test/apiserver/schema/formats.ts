import { isIP, isIPv4, isIPv6 } from 'node:net';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { parseCidr } from '../ip.ts';

export function isCidr(text: string): boolean {
  try {
    parseCidr(text);
    return true;
  } catch {
    return false;
  }
}

const goDuration = /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*$|^0$/;

/**
 * A validator set up for CRD schemas: OpenAPI's formats plus those of Kubernetes, unknown formats ignored, and every
 * error reported together with the value it is about.
 */
export function newValidator(): Ajv {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, unicodeRegExp: false, logger: false });
  // ajv-formats is CommonJS: its default export is the module object under some loaders.
  addFormats.default(ajv);
  ajv.addFormat('ipv4', (text: string) => isIPv4(text));
  ajv.addFormat('ipv6', (text: string) => isIPv6(text));
  ajv.addFormat('ip', (text: string) => isIP(text) !== 0);
  ajv.addFormat('cidr', isCidr);
  ajv.addFormat('mac', /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/);
  ajv.addFormat('duration', goDuration);
  return ajv;
}
